// Send the deployer only what it needs: token, user and text.
class Script {
  prepare_outgoing_request({ request }) {
    const { token, user_name, text } = request.data;
    return {
      url: request.url,
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      data: { token, user_name, text },
    };
  }
}
