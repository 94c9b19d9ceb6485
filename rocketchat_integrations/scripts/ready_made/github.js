// GitHub: pushes, pull requests, issues, comments, releases and workflow runs.
//
// In the repository or organization: Settings, Webhooks, Add webhook. Paste the webhook's URL as "Payload URL", choose
// "application/json" as "Content type", and select the events. Other events, and other actions, post nothing.
// Shows pushes and deleted branches; pull requests and issues that are opened, closed, merged or reopened; new
// comments; published releases; finished workflow runs; and one line when the webhook is created (GitHub's "ping").

const RED = '#d32f2f';
const GREEN = '#2e7d32';
const BLUE = '#1976d2';
const PURPLE = '#7b1fa2';
const GRAY = '#757575';
const CONCLUSION_COLORS = new Map([['success', GREEN], ['failure', RED], ['timed out', RED], ['startup failure', RED]]);
const MAX_COMMITS = 10;

class Script {
  process_incoming_request({ request }) {
    const content = payload(request);
    const show = EVENTS.get(request?.headers?.['x-github-event']);
    const message = content && show?.(content);
    return message ? { content: message } : undefined;
  }
}

const EVENTS = new Map([
  ['ping', ping],
  ['push', push],
  ['pull_request', pullRequest],
  ['issues', issue],
  ['issue_comment', comment],
  ['release', release],
  ['workflow_run', workflowRun],
]);

const ITEM_ACTIONS = new Set(['opened', 'closed', 'reopened', 'ready_for_review', undefined]);

function ping(content) {
  const names = Array.isArray(content.hook?.events) ? content.hook.events : [];
  const events = names.slice(0, 20).map((event) => text(event, 40)).filter(Boolean);
  const name = content.repository?.full_name ?? content.organization?.login;
  const source = link(name, content.repository?.html_url) || 'GitHub';
  return { text: `GitHub sends events of ${source}${events.length > 0 ? `: ${events.join(', ')}` : ''}` };
}

function push(content) {
  const kind = text(content.ref).startsWith('refs/tags/') ? 'tag' : 'branch';
  const name = refName(content.ref);
  const who = text(content.pusher?.name, 100) || sender(content);
  if (content.deleted === true) return { text: `${who} deleted ${kind} *${name}* of ${repository(content)}` };
  const commits = objects(content.commits);
  if (commits.length === 0) {
    const verb = content.created === true ? 'created' : 'updated';
    return { text: `${who} ${verb} ${kind} ${link(name, content.compare)} of ${repository(content)}` };
  }
  const verb = content.forced === true ? 'force-pushed' : 'pushed';
  return {
    text: `${who} ${verb} ${plural(commits.length, 'commit')} to *${name}* of ${repository(content)}`,
    attachments: [
      filled({
        color: BLUE,
        title: url(content.compare) ? 'Compare' : name,
        title_link: url(content.compare),
        text: multiline(commitList(commits, commits.length)),
      }),
    ],
  };
}

function pullRequest(content) {
  if (!ITEM_ACTIONS.has(content.action)) return undefined;
  const pull = content.pull_request;
  const action = pull?.merged === true ? 'merged' : text(content.action).replace(/_/g, ' ') || 'updated';
  return item(content, pull, {
    text: action === 'ready for review' ? 'marked a pull request ready for review' : `${action} a pull request`,
    color: action === 'merged' ? PURPLE : action === 'closed' ? RED : GREEN,
    fields: {
      Branch: pull?.head?.ref && pull?.base?.ref ? `${text(pull.head.ref, 120)} → ${text(pull.base.ref, 120)}` : '',
      Files: pull?.changed_files,
      Lines: pull?.changed_files ? `+${text(pull.additions)} -${text(pull.deletions)}` : '',
    },
  });
}

function issue(content) {
  if (!ITEM_ACTIONS.has(content.action)) return undefined;
  const reason = content.issue?.state_reason === 'not_planned' ? ' as not planned' : '';
  const labels = objects(content.issue?.labels).map((label) => text(label.name, 60));
  return item(content, content.issue, {
    text: `${text(content.action) || 'updated'} an issue${reason}`,
    color: content.action === 'closed' ? PURPLE : GREEN,
    fields: { Labels: labels.join(', ') },
  });
}

function comment(content) {
  if (content.action !== 'created') return undefined;
  const kind = content.issue?.pull_request ? 'a pull request' : 'an issue';
  const subject = { ...content.issue, body: content.comment?.body, html_url: content.comment?.html_url };
  return item(content, subject, { text: `commented on ${kind}`, color: GRAY, fields: {} });
}

function release(content) {
  if (content.action !== 'published') return undefined;
  const published = content.release;
  const kind = published?.prerelease === true ? 'pre-release' : 'release';
  return {
    text: `${sender(content)} published a ${kind} of ${repository(content)}`,
    attachments: [
      filled({
        color: GREEN,
        title: text(published?.name, 200) || text(published?.tag_name, 200) || 'A release',
        title_link: url(published?.html_url),
        text: multiline(text(published?.body, 1500)),
        fields: fields({ Tag: published?.tag_name }),
      }),
    ],
  };
}

function workflowRun(content) {
  if (content.action !== 'completed') return undefined;
  const run = content.workflow_run;
  const conclusion = text(run?.conclusion, 40).replace(/_/g, ' ') || 'unknown';
  const name = text(run?.name, 200) || text(content.workflow?.name, 200) || 'A workflow';
  return {
    text: `*${name}* of ${repository(content)}: ${conclusion}`,
    attachments: [
      filled({
        color: CONCLUSION_COLORS.get(conclusion) ?? GRAY,
        title: text(run?.display_title, 200) || name,
        title_link: url(run?.html_url),
        fields: fields({
          Branch: run?.head_branch,
          Commit: shortHash(run?.head_sha),
          Event: run?.event,
          Actor: run?.actor?.login,
        }),
      }),
    ],
  };
}

// Return the message of a pull request, an issue or a comment on one.
function item(content, subject, shown) {
  const number = text(subject?.number ?? content.number, 20);
  const title = [number && `#${number}`, text(subject?.title, 200)].filter(Boolean).join(' ');
  return {
    text: `${sender(content)} ${shown.text} in ${repository(content)}`,
    attachments: [
      filled({
        color: shown.color,
        title: title || 'without a title',
        title_link: url(subject?.html_url),
        text: multiline(text(subject?.body)),
        fields: fields(shown.fields),
      }),
    ],
  };
}

function sender(content) {
  return text(content.sender?.login, 100) || 'Somebody';
}

function repository(content) {
  return link(content.repository?.full_name, content.repository?.html_url) || 'a repository';
}

// Return the list of the commits of a push, the first 10 of `total`.
function commitList(commits, total) {
  const lines = commits.slice(0, MAX_COMMITS).map((commit) => {
    const author = text(commit.author?.name, 60);
    const hash = link(shortHash(commit.id), commit.url) || 'a commit';
    return `${hash} ${firstLine(commit.message)}${author && ` (${author})`}`;
  });
  const more = total - lines.length;
  return [...lines, more > 0 && `and ${more} more`].filter(Boolean).join('\n');
}

// Return the first 8 digits of a commit's hash.
function shortHash(value) {
  return text(value).match(/^[0-9a-f]{1,8}/)?.[0] ?? '';
}

function firstLine(value) {
  return typeof value === 'string' ? text(value.trim().split('\n', 1)[0], 120) : '';
}

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

// Return the name of a branch or tag, such as "main" for "refs/heads/main".
function refName(ref) {
  return text(ref, 200).replace(/^refs\/(heads|tags)\//, '') || 'a branch';
}

// Return the payload, or undefined if it is no object or is empty, as for a GET of the webhook's URL.
function payload(request) {
  const content = request?.content;
  const isObject = content !== null && typeof content === 'object' && !Array.isArray(content);
  return isObject && Object.keys(content).length > 0 ? content : undefined;
}

// Return the objects in a list; none if it is no list.
function objects(value) {
  return Array.isArray(value) ? value.filter((item) => item !== null && typeof item === 'object') : [];
}

// Return text or a number as trimmed text, at most `limit` characters, in which no @name mentions anybody; else ''.
function text(value, limit = 1000) {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return '';
  const start = value.trim().slice(0, limit + 1);
  const shown = start.replace(/(?<![0-9A-Za-z])@(?!\u200b)/g, '@\u200b');
  return shown.length > limit ? `${shown.slice(0, limit).replace(/[\uD800-\uDBFF]$/, '')}…` : shown;
}

// Return Markdown that keeps its line breaks in an attachment, where Rocket.Chat shows others as spaces.
function multiline(value) {
  return value.replace(/(\S)[ \t\r]*\n(?=[^\r\n])/g, '$1  \n');
}

// Return an absolute web address, else undefined: the server refuses a message with any other.
function url(value) {
  return typeof value === 'string' && /^https?:\/\/[^\s/]\S*$/.test(value) ? value : undefined;
}

// Return a Markdown link, or only the label where there is no address.
function link(label, address) {
  const shown = text(label, 200).replace(/[[\]\r\n]+/g, ' ').trim();
  const target = url(address);
  return shown && target ? `[${shown}](${target.replace(/\(/g, '%28').replace(/\)/g, '%29')})` : shown;
}

// Return the fields of an attachment without the empty ones, which the server refuses.
function fields(values) {
  return Object.entries(values)
    .map(([title, value]) => ({ title: text(title, 100), value: text(value, 300) }))
    .filter(({ title, value }) => title && value)
    .map((field) => ({ ...field, short: field.value.length <= 40 }));
}

// Return an object without its empty values.
function filled(values) {
  const isFilled = ([, value]) => value !== undefined && value?.length !== 0;
  return Object.fromEntries(Object.entries(values).filter(isFilled));
}
