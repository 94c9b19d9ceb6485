"""Run each call of rocketchat_API and the same call of this package, one below the other.

The workspace and the login come from ROCKETCHAT_URL, ROCKETCHAT_USER and ROCKETCHAT_PASSWORD. Two integrations are
created with each package, in #general, and removed at the end.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# rocketchat_API has no types.

import os

import attrs
import requests
from rocketchat_API.APIExceptions.RocketExceptions import RocketApiException  # type: ignore[import-untyped]
from rocketchat_API.rocketchat import RocketChat  # type: ignore[import-untyped]

from rocketchat_integrations import Client, IncomingIntegration, NotFoundError, OutgoingIntegration, PasswordAuth

url, user, password = (os.environ[f"ROCKETCHAT_{name}"] for name in ("URL", "USER", "PASSWORD"))
address = "https://bot.example.com/hook"

# Log in. The second line sends nothing: the client logs in with its first call.
rocket = RocketChat(user, password, server_url=url)
client = Client(url, PasswordAuth(user, password))

# Create an incoming integration.
hook = rocket.integrations_create("webhook-incoming", "old-ci", True, "rocket.cat", "#general", False)["integration"]
record = client.create(IncomingIntegration(name="new-ci", username="rocket.cat", channel="#general"))

# Post through its webhook.
requests.post(f"{url}/hooks/{hook['_id']}/{hook['token']}", json={"text": "hello"}, timeout=30).raise_for_status()
client.webhook(record).post("hello")

# Read it.
print("get:", rocket.integrations_get(hook["_id"])["integration"]["channel"])
print("get:", client.get(record.id).channel)

# Create an outgoing integration.
options = {"event": "sendMessage", "urls": [address], "token": "old-token"}
bot = rocket.integrations_create("webhook-outgoing", "old-bot", True, "rocket.cat", "#general", False, **options)
bot_record = client.create(
    OutgoingIntegration(
        name="new-bot",
        username="rocket.cat",
        channel="#general",
        event="sendMessage",
        urls=[address],
        token="new-token",
    )
)

# Change its alias. The first line has to repeat every field: what it leaves out may be lost.
bot_id = bot["integration"]["_id"]
rocket.integrations_update(
    "webhook-outgoing", "old-bot", True, "rocket.cat", "#general", False, bot_id, alias="Bot", **options
)
bot_record = client.update(bot_record.id, attrs.evolve(bot_record, alias="Bot"))
print("update:", rocket.integrations_get(bot_id)["integration"]["alias"])
print("update:", bot_record.alias)

# List the outgoing integrations. Servers before 7.0 ignore the filter; the second line filters there itself.
print("list:", sorted(each["name"] for each in rocket.integrations_list(type="webhook-outgoing")))
print("list:", sorted(each.name for each in client.list(type="outgoing")))

# List those of a channel. Servers from 8.0 on refuse the first line.
try:
    print("channel:", sorted(each["name"] for each in rocket.channels_get_integrations("GENERAL")))
except RocketApiException:
    print("channel:", "refused")
print("channel:", sorted(each.name for each in client.list_for_channel(room_id="GENERAL")))

# Read the calls of a bot.
print("history:", [each["url"] for each in rocket.integrations_history(bot_id)])
print("history:", [each.url for each in client.history(bot_record.id)])

# Remove them.
rocket.integrations_remove("webhook-incoming", hook["_id"])
client.remove(record)
rocket.integrations_remove("webhook-outgoing", bot_id)
client.remove(bot_record)

# Handle one that does not exist.
try:
    rocket.integrations_get(hook["_id"])
except RocketApiException as error:
    print("removed:", error)
try:
    client.get(record.id)
except NotFoundError as error:
    print("removed:", error)

# Log out.
rocket.logout()
client.close()
