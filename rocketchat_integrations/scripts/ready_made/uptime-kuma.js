// Uptime Kuma: monitors that go down and come up again.
//
// In Uptime Kuma: Settings, Notifications, type "Webhook", paste the webhook's URL as "Post URL", and choose
// "application/json" as "Request Body". Then enable the notification in the monitors.
// Shows down, up, pending and maintenance; other notifications, such as of certificates that expire, as plain text.

const STATES = new Map([
  [0, { name: 'Down', color: '#d32f2f' }],
  [1, { name: 'Up', color: '#2e7d32' }],
  [2, { name: 'Pending', color: '#f9a825' }],
  [3, { name: 'Maintenance', color: '#1976d2' }],
]);

class Script {
  process_incoming_request({ request }) {
    const content = payload(request);
    if (!content) return undefined;
    const { heartbeat, monitor } = content;
    const state = STATES.get(heartbeat?.status);
    const summary = text(content.msg);
    // The button "Test" and certificates that expire send neither.
    if (!heartbeat && !monitor) return { content: { text: summary || 'Uptime Kuma: a notification without a text' } };
    const name = text(monitor?.name, 200) || 'A monitor';
    return {
      content: {
        text: state ? `*${state.name}*: ${name}` : summary || name,
        attachments: [
          filled({
            color: state?.color ?? '#757575',
            title: name,
            title_link: url(monitor?.url),
            text: multiline(text(heartbeat?.msg) || summary),
            fields: fields({
              Type: monitor?.type,
              Host: [text(monitor?.hostname, 200), text(monitor?.port)].filter(Boolean).join(':'),
              Ping: typeof heartbeat?.ping === 'number' ? `${heartbeat.ping} ms` : '',
              Time: [text(heartbeat?.localDateTime, 50), text(heartbeat?.timezone, 50)].filter(Boolean).join(' '),
            }),
          }),
        ],
      },
    };
  }
}

// Return the payload, or undefined if it is no object or is empty, as for a GET of the webhook's URL.
function payload(request) {
  const content = request?.content;
  const isObject = content !== null && typeof content === 'object' && !Array.isArray(content);
  return isObject && Object.keys(content).length > 0 ? content : undefined;
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

// Return an object without its empty values.
function filled(values) {
  const isFilled = ([, value]) => value !== undefined && value?.length !== 0;
  return Object.fromEntries(Object.entries(values).filter(isFilled));
}
