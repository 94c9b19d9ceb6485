"""Run the scripts of integrations as the server does, in the engine that it uses (V8).

The extra ``scripts`` installs the engine (mini-racer), which is loaded when the first script is created.
"""

from rocketchat_integrations.exceptions import (
    IntegrationScriptError,
    ScriptLimitError,
    ScriptRuntimeError,
    ScriptSyntaxError,
)

from ._analysis import ProblemKind, ScriptProblem, static_problems
from ._engine import LogLine, ScriptResponse
from ._ready_made import ReadyMadeScript, ready_made, ready_made_script
from ._results import IncomingResult, PrepareResult, ResponseResult, ScriptRequest
from ._script import Script

__all__ = [
    "IncomingResult",
    "IntegrationScriptError",
    "LogLine",
    "PrepareResult",
    "ProblemKind",
    "ReadyMadeScript",
    "ResponseResult",
    "Script",
    "ScriptLimitError",
    "ScriptProblem",
    "ScriptRequest",
    "ScriptResponse",
    "ScriptRuntimeError",
    "ScriptSyntaxError",
    "ready_made",
    "ready_made_script",
    "static_problems",
]
