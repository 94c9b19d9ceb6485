// GitLab: pushes, tags, merge requests, issues, comments and pipelines.
//
// In the project or group: Settings, Webhooks, Add new webhook. Paste the webhook's URL as "URL", and select the
// triggers. Other events, and other actions, post nothing. The button "Test" sends real events of the project.
// Shows pushes; created and deleted branches and tags; merge requests and issues that are opened, closed, reopened,
// approved or merged; new comments; pipelines that succeed, fail or are canceled.

const RED = '#d32f2f';
const GREEN = '#2e7d32';
const BLUE = '#1976d2';
const PURPLE = '#7b1fa2';
const GRAY = '#757575';
const MAX_COMMITS = 10;

class Script {
  process_incoming_request({ request }) {
    const content = payload(request);
    const kind = content?.object_kind ?? KINDS.get(request?.headers?.['x-gitlab-event']);
    const message = content && EVENTS.get(kind)?.(content);
    return message ? { content: message } : undefined;
  }
}

const KINDS = new Map([
  ['Push Hook', 'push'],
  ['Tag Push Hook', 'tag_push'],
  ['Merge Request Hook', 'merge_request'],
  ['Issue Hook', 'issue'],
  ['Note Hook', 'note'],
  ['Pipeline Hook', 'pipeline'],
]);

const EVENTS = new Map([
  ['push', (content) => push(content, 'branch')],
  ['tag_push', (content) => push(content, 'tag')],
  ['merge_request', mergeRequest],
  ['issue', issue],
  ['note', note],
  ['pipeline', pipeline],
]);

const VERBS = new Map([
  ['open', 'opened'],
  ['close', 'closed'],
  ['reopen', 'reopened'],
  ['approved', 'approved'],
  ['merge', 'merged'],
  [undefined, 'updated'],
]);

function push(content, kind) {
  const who = text(content.user_username, 100) || text(content.user_name, 100) || 'Somebody';
  const name = refName(content.ref);
  const isNone = (commit) => /^0+$/.test(text(commit));
  const commits = objects(content.commits);
  if (isNone(content.after)) return { text: `${who} deleted ${kind} *${name}* of ${project(content)}` };
  if (kind === 'tag' || commits.length === 0) {
    const verb = isNone(content.before) ? 'created' : 'updated';
    return { text: `${who} ${verb} ${kind} *${name}* of ${project(content)}` };
  }
  const total = Math.max(commits.length, Number(content.total_commits_count) || 0);
  const page = url(content.project?.web_url);
  const isComparable = page && !isNone(content.before) && content.before && content.after;
  return {
    text: `${who} pushed ${plural(total, 'commit')} to *${name}* of ${project(content)}`,
    attachments: [
      filled({
        color: BLUE,
        title: isComparable ? 'Compare' : name,
        title_link: isComparable ? url(`${page}/-/compare/${text(content.before)}...${text(content.after)}`) : page,
        text: multiline(commitList(commits, total)),
      }),
    ],
  };
}

function mergeRequest(content) {
  const request = content.object_attributes;
  const verb = VERBS.get(request?.action);
  if (!verb) return undefined;
  const hasBranches = request?.source_branch && request?.target_branch;
  return item(content, request, {
    text: `${verb} a merge request`,
    sign: '!',
    color: verb === 'merged' ? PURPLE : verb === 'closed' ? RED : GREEN,
    body: request?.description,
    fields: {
      Branch: hasBranches ? `${text(request.source_branch, 120)} → ${text(request.target_branch, 120)}` : '',
      Labels: labelNames(content),
    },
  });
}

function issue(content) {
  const attributes = content.object_attributes;
  const verb = VERBS.get(attributes?.action);
  if (!verb) return undefined;
  return item(content, attributes, {
    text: `${verb} an issue`,
    sign: '#',
    color: verb === 'closed' ? PURPLE : GREEN,
    body: attributes?.description,
    fields: { Labels: labelNames(content) },
  });
}

function note(content) {
  const attributes = content.object_attributes;
  // GitLab before 16.11 sends no action, and new comments only.
  if (attributes?.system === true || !['create', undefined].includes(attributes?.action)) return undefined;
  const places = [
    ['a merge request', '!', content.merge_request],
    ['an issue', '#', content.issue],
    ['a snippet', '$', content.snippet],
    ['a commit', '', content.commit],
  ];
  const [kind, sign, subject] = places.find((place) => place[2]) ?? ['something', '', undefined];
  const title = text(subject?.title, 200) || firstLine(subject?.message);
  const number = subject?.iid ?? (sign === '$' ? subject?.id : undefined);
  return item(content, { iid: number, title, url: attributes?.url }, {
    text: `commented on ${kind}`,
    sign,
    color: GRAY,
    body: attributes?.note,
    fields: {},
  });
}

function pipeline(content) {
  const attributes = content.object_attributes;
  const status = text(attributes?.status, 40);
  if (!['success', 'failed', 'canceled'].includes(status)) return undefined;
  const page = url(content.project?.web_url);
  const failed = objects(content.builds).filter((build) => build.status === 'failed' && build.allow_failure !== true);
  const jobs = failed.slice(0, 10).map((build) => text(build.name, 60)).join(', ');
  return {
    text: `Pipeline of *${refName(attributes?.ref)}* of ${project(content)}: ${status}`,
    attachments: [
      filled({
        color: status === 'success' ? GREEN : status === 'failed' ? RED : GRAY,
        title: `Pipeline #${text(attributes?.id)}`,
        title_link: url(attributes?.url) ?? (page && url(`${page}/-/pipelines/${text(attributes?.id)}`)),
        text: multiline(text(content.commit?.title, 200) || firstLine(content.commit?.message)),
        fields: fields({
          'Failed jobs': jobs,
          Commit: shortHash(attributes?.sha),
          Duration: typeof attributes?.duration === 'number' ? `${attributes.duration} s` : '',
          User: content.user?.username ?? content.user?.name,
        }),
      }),
    ],
  };
}

// Return the message of a merge request, an issue or a comment.
function item(content, subject, shown) {
  const who = text(content.user?.username, 100) || text(content.user?.name, 100) || 'Somebody';
  const number = text(subject?.iid, 20);
  const title = [number && shown.sign + number, text(subject?.title, 200)].filter(Boolean).join(' ');
  return {
    text: `${who} ${shown.text} in ${project(content)}`,
    attachments: [
      filled({
        color: shown.color,
        title: title || 'without a title',
        title_link: url(subject?.url),
        text: multiline(text(shown.body)),
        fields: fields(shown.fields),
      }),
    ],
  };
}

function labelNames(content) {
  return objects(content.labels).map((label) => text(label.title, 60)).join(', ');
}

function project(content) {
  const name = content.project?.path_with_namespace ?? content.project?.name;
  return link(name, content.project?.web_url) || 'a project';
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
