// Zabbix: problems, their updates, and their recovery.
//
// In Zabbix: Alerts, Media types, Create, type "Webhook". Add these parameters:
//   webhook    the webhook's URL
//   subject    {ALERT.SUBJECT}
//   message    {ALERT.MESSAGE}
//   status     {EVENT.VALUE}           "1" is a problem, "0" its recovery
//   update     {EVENT.UPDATE.STATUS}   "1" is an update of a problem, such as an acknowledgement
//   severity   {EVENT.SEVERITY}
//   host       {HOST.NAME}
//   data       {EVENT.OPDATA}
//   url        {$ZABBIX.URL}/tr_events.php?triggerid={TRIGGER.ID}&eventid={EVENT.ID}
// Script:
//   var parameters = JSON.parse(value), request = new HttpRequest(), webhook = parameters.webhook;
//   delete parameters.webhook;
//   request.addHeader('Content-Type: application/json');
//   var answer = request.post(webhook, JSON.stringify(parameters));
//   if (request.getStatus() !== 200) throw answer;
//   return 'OK';
// Define the global macro {$ZABBIX.URL}, add message templates to the media type, and give a user this media type.
// Shows problems, updates such as acknowledgements, and recoveries, with host, severity and operational data.

const COLORS = new Map([
  ['Not classified', '#757575'],
  ['Information', '#1976d2'],
  ['Warning', '#f9a825'],
  ['Average', '#ef6c00'],
  ['High', '#d32f2f'],
  ['Disaster', '#b71c1c'],
]);

// A macro that Zabbix left as it is.
const MACRO = /\{\$?[A-Z][A-Z0-9._]*\}|\*UNKNOWN\*/;

class Script {
  process_incoming_request({ request }) {
    const content = payload(request);
    if (!content) return undefined;
    // The dialog "Test" sends macros as they are.
    const isTest = MACRO.test(content.status);
    const isRecovery = text(content.status) === '0';
    const isUpdate = text(content.update) === '1';
    const subject = isTest ? 'Test message of Zabbix' : text(content.subject, 300) || 'An event without a subject';
    const severity = expanded(content.severity);
    return {
      content: {
        text: `*${subject}*`,
        attachments: [
          filled({
            color: isTest ? '#757575' : isRecovery ? '#2e7d32' : COLORS.get(severity) ?? '#d32f2f',
            title: subject,
            title_link: url(expanded(content.url)),
            text: multiline(text(isTest ? expanded(content.message) : content.message, 2000)),
            fields: fields({
              Status: isTest ? '' : isUpdate ? 'Update' : isRecovery ? 'Resolved' : 'Problem',
              Host: expanded(content.host),
              Severity: severity,
              Data: expanded(content.data),
            }),
          }),
        ],
      },
    };
  }
}

// Return a parameter's value, or '' if Zabbix had no value for its macro.
function expanded(value) {
  return MACRO.test(value) ? '' : value;
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
