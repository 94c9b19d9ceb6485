// What a CI server sends becomes a message: { "job": "web", "number": 42, "passed": true, "url": "https://…" }
class Script {
  process_incoming_request({ request }) {
    const { job, number, passed, url } = request.content;
    if (!job) {
      return { error: { success: false, message: 'there is no job' } };
    }
    return {
      content: {
        text: `${job} #${number} ${passed ? 'passed' : 'failed'}`,
        attachments: [{ title: 'Log', title_link: url, color: passed ? 'green' : 'red' }],
      },
    };
  }
}
