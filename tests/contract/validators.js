// Run the server's own validators on requests from stdin.
//
// The first output line is a list of the endpoints that this version has validators for. Each input line is a request,
// {"endpoint": "integrations.create", "params": {…}}; each further output line is the answer,
// {"accepted": true, "params": {…}, "violations": []}, with the params as the validator has coerced them.

import { createInterface } from 'node:readline';

import * as channels from '@rocket.chat/rest-typings/dist/v1/channels/ChannelsGetIntegrationsProps';
import * as groups from '@rocket.chat/rest-typings/dist/v1/groups/GroupsGetIntegrationsProps';
import * as integrations from '@rocket.chat/rest-typings/dist/v1/integrations';

const validators = {
  'integrations.create': integrations.isIntegrationsCreateProps,
  'integrations.get': integrations.isIntegrationsGetProps,
  'integrations.list': integrations.isIntegrationsListProps,
  'integrations.history': integrations.isIntegrationsHistoryProps,
  'integrations.update': integrations.isIntegrationsUpdateProps,
  'integrations.remove': integrations.isIntegrationsRemoveProps,
  'integrations.clearHistory': integrations.isIntegrationsClearHistoryProps,
  'integrations.replayOutgoing': integrations.isIntegrationsReplayProps,
  'channels.getIntegrations': channels.isChannelsGetIntegrationsProps,
  'groups.getIntegrations': groups.isGroupsGetIntegrationsProps,
};

const writeLine = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

writeLine(Object.keys(validators).filter((endpoint) => validators[endpoint]));
createInterface({ input: process.stdin }).on('line', (line) => {
  const { endpoint, params } = JSON.parse(line);
  const validate = validators[endpoint];
  const accepted = validate(params);
  const violations = (validate.errors ?? []).map((error) => error.message);
  writeLine({ accepted, params, violations });
});
