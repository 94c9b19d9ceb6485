// Run the server's own validators on requests from stdin.
//
// Each input line is a request, {"endpoint": "integrations.create", "params": {…}}; each output line is the answer,
// {"accepted": true, "params": {…}, "violations": []}, with the params as the validator has coerced them.

import { createInterface } from 'node:readline';

import { isChannelsGetIntegrationsProps } from '@rocket.chat/rest-typings/dist/v1/channels/ChannelsGetIntegrationsProps';
import { isGroupsGetIntegrationsProps } from '@rocket.chat/rest-typings/dist/v1/groups/GroupsGetIntegrationsProps';
import {
  isIntegrationsClearHistoryProps,
  isIntegrationsCreateProps,
  isIntegrationsGetProps,
  isIntegrationsHistoryProps,
  isIntegrationsListProps,
  isIntegrationsRemoveProps,
  isIntegrationsReplayProps,
  isIntegrationsUpdateProps,
} from '@rocket.chat/rest-typings/dist/v1/integrations';

const validators = {
  'integrations.create': isIntegrationsCreateProps,
  'integrations.get': isIntegrationsGetProps,
  'integrations.list': isIntegrationsListProps,
  'integrations.history': isIntegrationsHistoryProps,
  'integrations.update': isIntegrationsUpdateProps,
  'integrations.remove': isIntegrationsRemoveProps,
  'integrations.clearHistory': isIntegrationsClearHistoryProps,
  'integrations.replayOutgoing': isIntegrationsReplayProps,
  'channels.getIntegrations': isChannelsGetIntegrationsProps,
  'groups.getIntegrations': isGroupsGetIntegrationsProps,
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { endpoint, params } = JSON.parse(line);
  const validate = validators[endpoint];
  const accepted = validate(params);
  const violations = (validate.errors ?? []).map((error) => error.message);
  process.stdout.write(`${JSON.stringify({ accepted, params, violations })}\n`);
});
