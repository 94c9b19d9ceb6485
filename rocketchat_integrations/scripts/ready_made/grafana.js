// Grafana: alerts of a contact point of type Webhook or Slack, firing and resolved.
//
// In Grafana: Alerting, Contact points, type "Webhook", and paste the webhook's URL as "URL". Instead, type "Slack"
// shows Grafana's own templates: paste it as "Webhook URL", and leave "Recipient" and "Token" empty.
// Shows the first 10 alerts of each notification: summary, description, values, labels, and links to panel and silence.

const RED = '#d32f2f';
const GREEN = '#2e7d32';
const COLORS = new Map([['warning', '#f9a825'], ['info', '#1976d2']]);
const SLACK_COLORS = new Map([['good', GREEN], ['warning', '#f9a825'], ['danger', RED]]);
const MAX_ALERTS = 10;
const MAX_LABELS = 8;

class Script {
  process_incoming_request({ request }) {
    const content = payload(request);
    if (!content) return undefined;
    // Grafana takes a Slack message for sent only if the answer says `ok`.
    return Array.isArray(content.attachments)
      ? { content: slackMessage(content), response: { ok: true } }
      : { content: webhookMessage(content) };
  }
}

function webhookMessage(content) {
  const alerts = objects(content.alerts);
  const firing = alerts.filter((alert) => alert.status !== 'resolved');
  const resolved = alerts.filter((alert) => alert.status === 'resolved');
  const shown = [...firing, ...resolved].slice(0, MAX_ALERTS);
  const more = alerts.length - shown.length + (Number(content.truncatedAlerts) || 0);
  const name = content.commonLabels?.alertname ?? content.groupLabels?.alertname;
  // The name that the button "Test" gives its alert.
  const isTest = name === 'TestAlert';
  return filled({
    text: [
      isTest && 'Test: ',
      `*${counts(firing.length, resolved.length, content.status)}*`,
      text(name, 200) && `: ${text(name, 200)}`,
      more > 0 && ` (and ${more} more)`,
    ].filter(Boolean).join(''),
    attachments: shown.map((alert) => attachment(alert, content.externalURL)),
  });
}

// Say how many alerts are in which state, such as "2 firing, 1 resolved".
function counts(firing, resolved, status) {
  if (!firing && !resolved) return status === 'resolved' ? 'Resolved' : 'Alert';
  return [firing && `${firing} firing`, resolved && `${resolved} resolved`].filter(Boolean).join(', ');
}

function attachment(alert, externalURL) {
  const { alertname, grafana_folder: folder, severity, ...labels } = alert.labels ?? {};
  const { summary, description, message, runbook_url: runbook } = alert.annotations ?? {};
  const isResolved = alert.status === 'resolved';
  const name = text(summary, 200) || text(alertname, 200) || 'an alert without a name';
  const links = [
    url(alert.dashboardURL) && link('Dashboard', alert.dashboardURL),
    url(alert.panelURL) && link('Panel', alert.panelURL),
    url(alert.silenceURL) && !isResolved && link('Silence', alert.silenceURL),
    url(runbook) && link('Runbook', runbook),
  ].filter(Boolean);
  return filled({
    color: isResolved ? GREEN : COLORS.get(severity) ?? RED,
    title: `${isResolved ? 'Resolved' : 'Firing'}: ${name}`,
    title_link: url(alert.generatorURL) ?? url(externalURL),
    text: multiline([text(description) || text(message), links.join(' | ')].filter(Boolean).join('\n')),
    fields: [
      ...fields({ Severity: severity, Folder: folder, Values: values(alert) }),
      ...fields(labels).slice(0, MAX_LABELS),
    ],
    image_url: url(alert.imageURL),
    ts: time(isResolved ? alert.endsAt : alert.startsAt),
  });
}

// Return the measured values as text, such as "B = 44.2, C = 1".
function values(alert) {
  return Object.entries(alert.values ?? {})
    .filter(([, value]) => typeof value === 'number')
    .map(([name, value]) => `${name} = ${Number(value.toPrecision(6))}`)
    .join(', ');
}

function slackMessage(content) {
  const items = objects(content.attachments);
  const attachments = items.slice(0, MAX_ALERTS).map(slackAttachment).filter((item) => item.title || item.text);
  const above = [content.text, ...items.map((item) => item.pretext)].map(slackText).filter(Boolean).join('\n');
  return filled({ text: text(above, 2000) || (attachments.length > 0 ? '' : 'Alert'), attachments });
}

function slackAttachment(item) {
  const title = text(item.title, 300);
  return filled({
    color: SLACK_COLORS.get(item.color) ?? text(item.color, 20),
    title,
    title_link: url(item.title_link),
    text: multiline(slackText(item.text) || (title ? '' : slackText(item.fallback))),
    fields: objects(item.fields).flatMap((field) => fields({ [text(field.title, 100)]: field.value })),
    image_url: url(item.image_url),
    ts: item.ts > 0 && item.ts < 1e11 ? new Date(item.ts * 1000).toISOString() : undefined,
  });
}

// Replace Slack's links and mentions by Markdown links and plain text.
function slackText(value) {
  if (typeof value !== 'string') return '';
  const shown = value
    .slice(0, 5000)
    .replace(/<(https?:[^|>]+)\|([^>]+)>/g, (_, address, label) => link(label, address))
    .replace(/<(https?:[^|>]+)>/g, '$1')
    .replace(/<[!@#](?:[^|>]*\|)?([^>]*)>/g, '@$1');
  return text(shown, 2000);
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

// Return a time as it is, or undefined if it is none.
function time(value) {
  return typeof value === 'string' && Date.parse(value) > 0 ? value : undefined;
}

// Return an object without its empty values.
function filled(values) {
  const isFilled = ([, value]) => value !== undefined && value?.length !== 0;
  return Object.fromEntries(Object.entries(values).filter(isFilled));
}
