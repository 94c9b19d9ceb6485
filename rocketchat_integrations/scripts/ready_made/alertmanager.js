// Alertmanager: alerts of Prometheus, firing and resolved.
//
// In alertmanager.yml, give a receiver the webhook's URL, and route alerts to it:
//   receivers: [{ name: rocketchat, webhook_configs: [{ url: "https://chat.example.com/hooks/ID/TOKEN" }] }]
// Shows the first 10 alerts of each notification: summary, description, runbook and labels.

const RED = '#d32f2f';
const GREEN = '#2e7d32';
const COLORS = new Map([['warning', '#f9a825'], ['info', '#1976d2']]);
const MAX_ALERTS = 10;
const MAX_LABELS = 8;

class Script {
  process_incoming_request({ request }) {
    const content = payload(request);
    if (!content) return undefined;
    const alerts = objects(content.alerts);
    const firing = alerts.filter((alert) => alert.status !== 'resolved');
    const resolved = alerts.filter((alert) => alert.status === 'resolved');
    const shown = [...firing, ...resolved].slice(0, MAX_ALERTS);
    const more = alerts.length - shown.length + (Number(content.truncatedAlerts) || 0);
    const name = content.groupLabels?.alertname ?? content.commonLabels?.alertname;
    return {
      content: filled({
        text: [
          `*${counts(firing.length, resolved.length, content.status)}*`,
          text(name, 200) && `: ${text(name, 200)}`,
          more > 0 && ` (and ${more} more)`,
        ].filter(Boolean).join(''),
        attachments: shown.map((alert) => attachment(alert, content.externalURL)),
      }),
    };
  }
}

// Say how many alerts are in which state, such as "2 firing, 1 resolved".
function counts(firing, resolved, status) {
  if (!firing && !resolved) return status === 'resolved' ? 'Resolved' : 'Alert';
  return [firing && `${firing} firing`, resolved && `${resolved} resolved`].filter(Boolean).join(', ');
}

function attachment(alert, externalURL) {
  const { alertname, severity, ...labels } = alert.labels ?? {};
  const { summary, description, message, runbook_url: runbook } = alert.annotations ?? {};
  const isResolved = alert.status === 'resolved';
  const name = text(summary, 200) || text(alertname, 200) || 'an alert without a name';
  return filled({
    color: isResolved ? GREEN : COLORS.get(severity) ?? RED,
    title: `${isResolved ? 'Resolved' : 'Firing'}: ${name}`,
    title_link: url(alert.generatorURL) ?? url(externalURL),
    text: multiline(text(description) || text(message)),
    fields: [
      ...fields({ Severity: severity, Runbook: url(runbook) }),
      ...fields(labels).slice(0, MAX_LABELS),
    ],
    ts: time(isResolved ? alert.endsAt : alert.startsAt),
  });
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
