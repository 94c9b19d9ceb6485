// Sentry: alerts and issues of an integration or of the older plugin "WebHooks".
//
// In Sentry: Settings, Developer Settings, Create New Integration, Internal Integration. Paste the webhook's URL as
// "Webhook URL", switch on "Alert Rule Action", and choose the integration as an action of your alert rules. Select
// "issue" under "Webhooks" to see every new, resolved, assigned and archived issue as well.
// Instead: the plugin "WebHooks" of a project, with the webhook's URL among its "Callback URLs".
// Shows issue alerts, metric alerts, and changes of issues. Other events post nothing.

const GREEN = '#2e7d32';
const RED = '#d32f2f';
const COLORS = new Map([['warning', '#f9a825'], ['info', '#1976d2'], ['debug', '#757575'], ['sample', '#757575']]);

class Script {
  process_incoming_request({ request }) {
    const content = payload(request);
    const resource = request?.headers?.['sentry-hook-resource'];
    const show = resource === undefined ? legacyAlert : RESOURCES.get(resource);
    const message = content && show?.(content);
    return message ? { content: message } : undefined;
  }
}

const RESOURCES = new Map([
  ['event_alert', issueAlert],
  ['metric_alert', metricAlert],
  ['issue', issue],
]);

const ISSUE_ACTIONS = new Map([
  ['created', 'New issue'],
  ['resolved', 'Resolved'],
  ['assigned', 'Assigned'],
  ['archived', 'Archived'],
  ['unresolved', 'Unresolved again'],
  [undefined, 'Issue'],
]);

function issueAlert(content) {
  const event = content.data?.event;
  const rule = text(content.data?.triggered_rule, 200);
  return eventMessage(event, { rule, link: event?.web_url, project: '' });
}

function legacyAlert(content) {
  // Any other sender's payload has none of them.
  if (!content.event && !content.project && !content.culprit) return undefined;
  const rules = Array.isArray(content.triggering_rules) ? content.triggering_rules : [];
  const event = { ...content.event };
  return eventMessage(
    { ...event, title: event.title ?? content.message, culprit: content.culprit, level: content.level ?? event.level },
    {
      rule: rules.map((rule) => text(rule, 100)).filter(Boolean).join(', '),
      link: content.url,
      project: content.project_name ?? content.project,
    },
  );
}

function eventMessage(event, { rule, link: address, project }) {
  const title = text(event?.title, 200) || text(event?.message, 200) || 'an event without a title';
  const level = text(event?.level, 20);
  // What Sentry sends to try an integration.
  const isTest = title.startsWith('This is an example ');
  return {
    text: `${isTest ? 'Test: ' : ''}*${title}*${rule && ` (${rule})`}`,
    attachments: [
      filled({
        color: COLORS.get(level) ?? RED,
        title,
        title_link: url(address),
        text: multiline(text(event?.culprit, 300)),
        fields: fields({
          Project: project,
          Level: level,
          Environment: event?.environment ?? tag(event, 'environment'),
          Release: event?.release ?? tag(event, 'release'),
          Server: tag(event, 'server_name'),
        }),
        ts: time(event?.datetime),
      }),
    ],
  };
}

function metricAlert(content) {
  const isResolved = content.action === 'resolved';
  const title = text(content.data?.description_title, 200) || 'a metric alert without a title';
  return {
    text: `*${title}*`,
    attachments: [
      filled({
        color: isResolved ? GREEN : COLORS.get(content.action) ?? RED,
        title,
        title_link: url(content.data?.web_url),
        text: multiline(text(content.data?.description_text)),
        fields: fields({ Status: content.action }),
      }),
    ],
  };
}

function issue(content) {
  const subject = content.data?.issue;
  const action = ISSUE_ACTIONS.get(content.action);
  if (!action) return undefined;
  const level = text(subject?.level, 20);
  const title = text(subject?.title, 200) || 'an issue without a title';
  return {
    text: `*${action}*: ${title}`,
    attachments: [
      filled({
        color: content.action === 'resolved' ? GREEN : COLORS.get(level) ?? RED,
        title: [text(subject?.shortId, 60), title].filter(Boolean).join(' '),
        title_link: url(subject?.web_url) ?? url(subject?.permalink),
        text: multiline(text(subject?.culprit, 300)),
        fields: fields({
          Project: subject?.project?.name,
          Level: level,
          'Assigned to': subject?.assignedTo?.name,
          Events: subject?.count,
          Users: subject?.userCount,
        }),
        ts: time(subject?.lastSeen),
      }),
    ],
  };
}

// Return the value of a tag: tags are pairs of name and value.
function tag(event, name) {
  return objects(event?.tags).find((pair) => pair[0] === name)?.[1];
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

// Return the fields of an attachment without the empty ones, which the server refuses.
function fields(values) {
  return Object.entries(values)
    .map(([title, value]) => ({ title: text(title, 100), value: text(value, 300) }))
    .filter(({ title, value }) => title && value)
    .map((field) => ({ ...field, short: field.value.length <= 40 }));
}

// Return a time as it is, or undefined if it is none.
function time(value) {
  return typeof value === 'string' && Date.parse(value) > 0 ? value : undefined;
}

// Return an object without its empty values.
function filled(values) {
  const isFilled = ([, value]) => value !== undefined && value?.length !== 0;
  return Object.fromEntries(Object.entries(values).filter(isFilled));
}
