// Turn the payload of a CI server into a message: { "job": "web", "number": 42, "passed": true, "url": "https://…" }
class Script {
  process_incoming_request({ request }) {
    const { job, number, passed, url } = request.content;
    if (!job) {
      return { error: { success: false, message: 'missing: job' } };
    }
    return {
      content: {
        text: `${job} #${number} ${passed ? 'passed' : 'failed'}`,
        attachments: [{ title: 'Log', title_link: url, color: passed ? 'green' : 'red' }],
      },
    };
  }
}
