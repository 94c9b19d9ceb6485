// Find what breaks in an integration's script on server 9.0, without running it.
//
// `analyze(source)` returns a list of {kind, name, line, column}: lines and columns count from 1. V8 must have compiled
// the source. The words for people are in `rocketchat_integrations/scripts/_analysis.py`. Where the code leaves room for
// doubt, nothing is reported.
//
// The server runs the script as sloppy code between a declaration of `Store` and a call of
// `(function () { … new Script() … })()`; only class bodies and functions with "use strict" are strict.

import { parse } from "acorn";
import { analyze as analyzeScopes } from "eslint-scope";

const ECMA_VERSION = 2026;
// The server checks the syntax of a script as the body of a function, where `return` is allowed.
const OPTIONS = { ecmaVersion: ECMA_VERSION, locations: true, ranges: true, allowReturnOutsideFunction: true };
const NOT_ANALYZED = { kind: "not-analyzed", name: "", line: 1, column: 1 };
const METHODS = ["process_incoming_request", "prepare_outgoing_request", "process_outgoing_response"];

// What the sandbox has. `ivm` is there by accident, but it is there.
const SANDBOX = ["Store", "console", "s", "fetch", "global", "ivm", "Script"];
// What earlier servers had.
const REMOVED = new Set(["HTTP", "require", "_", "moment"]);
// What is in this context before anything else, and not on a server: V8 in Node.js 22 is older, and mini-racer adds functions.
const NOT_ON_SERVERS =
  /^(Temporal|Float16Array|SuppressedError|DisposableStack|AsyncDisposableStack|__timer_manager|(set|clear)Timeout)$/;
const BUILTINS = new Set(Object.getOwnPropertyNames(globalThis).filter((name) => !NOT_ON_SERVERS.test(name)));

// Methods that call a function with `this` undefined.
const CALLS_WITHOUT_THIS = new Set(["sort", "toSorted", "reduce", "reduceRight", "replace", "replaceAll", "then", "catch", "finally"]);
// Methods that do so unless they get a second argument.
const CALLS_WITH_OPTIONAL_THIS = new Set([
  ...["forEach", "map", "filter", "some", "every", "find", "findIndex", "findLast", "findLastIndex", "flatMap"],
]);

export function analyze(source) {
  try {
    return problemsOf(source).sort((a, b) => a.line - b.line || a.column - b.column);
  } catch (error) {
    if (error instanceof RangeError) return [NOT_ANALYZED];
    throw error;
  }
}

function problemsOf(source) {
  const comments = [];
  let program;
  try {
    program = parse(source, { ...OPTIONS, onComment: comments });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [NOT_ANALYZED]; // V8 has compiled it already: the parser is older, or has a smaller stack
  }
  // Behind the declaration of `Store`, "use strict" has no effect.
  for (const statement of program.body) delete statement.directive;
  const scopes = analyzeScopes(program, { ecmaVersion: ECMA_VERSION, sourceType: "script", fallback: "iteration" });
  const script = { source, program, comments, scopes, ...indexNodes(program) };
  return [
    ...problemsWithTheEnd(script),
    ...problemsWithReturn(script),
    ...problemsWithTheClass(script),
    ...problemsWithNames(script),
    ...problemsWithThis(script),
    ...problemsWithCallee(script),
  ];
}

function place({ line, column }) {
  return { line, column: column + 1 };
}

function problem(kind, name, node) {
  return { kind, name, ...place(node.loc.start) };
}

// Return all nodes in the order of the source, and the parent of each; without recursion, for deep trees.
function indexNodes(program) {
  const nodes = [];
  const parents = new Map([[program, null]]);
  const pending = [program];
  while (pending.length) {
    const node = pending.pop();
    nodes.push(node);
    for (const child of childrenOf(node).reverse()) {
      parents.set(child, node);
      pending.push(child);
    }
  }
  return { nodes, parents };
}

function childrenOf(node) {
  return Object.values(node)
    .flat()
    .filter((value) => typeof value?.type === "string" && typeof value.start === "number");
}

function* problemsWithReturn({ nodes, parents }) {
  for (const node of nodes) {
    if (node.type !== "ReturnStatement") continue;
    let outer = parents.get(node);
    while (outer && !outer.type.includes("Function")) outer = parents.get(outer);
    if (!outer) yield problem("syntax-error", "Illegal return statement", node);
  }
}

// The class -----------------------------------------------------------------------------------------------------------

function* problemsWithTheClass(script) {
  const { program, scopes, source } = script;
  const declared = scopes.globalScope.set;
  if (declared.has("Store")) {
    yield problem("redeclared-global", "Store", declared.get("Store").identifiers[0]);
  }
  if (!declared.has("Script") && !namesFromCode(script).has("Script")) {
    yield { kind: "no-class", name: "Script", line: 1, column: 1 };
    return;
  }
  const definition = program.body.find((node) => node.type === "ClassDeclaration" && node.id.name === "Script");
  if (definition && !METHODS.some((name) => source.includes(name))) {
    yield problem("no-method", "Script", definition);
  }
}

// The end: the server appends code to the script ----------------------------------------------------------------------

function* problemsWithTheEnd({ program, comments, source }) {
  const comment = comments.at(-1);
  if (comment?.type === "Line" && comment.end === source.length) yield problem("missing-line-break", "", comment);
  const last = program.body.at(-1);
  if (last && continues(source.slice(last.start))) yield problem("missing-semicolon", "", last);
}

// Tell whether a statement has no semicolon, and goes on in the parentheses that follow the script.
function continues(statement) {
  if (/^(class|function)\b/.test(statement)) return false; // saves time for the usual end, a large class
  return parse(`${statement}\n\n(function () {})();`, OPTIONS).body.length === 1;
}

// Names ---------------------------------------------------------------------------------------------------------------

function* problemsWithNames(script) {
  if (canMakeAnyName(script)) return;
  const defined = new Set([...BUILTINS, ...SANDBOX, ...namesFromCode(script)]);
  const unresolved = script.scopes.globalScope.through.filter(({ identifier }) => !defined.has(identifier.name));
  const assignments = unresolved.filter((reference) => reference.isWrite());
  yield* firstInEachFunction("undeclared-assignment", assignments);

  const assigned = new Set(assignments.map(({ identifier }) => identifier.name));
  const guarded = new Set(script.nodes.filter(isTypeofName).map((node) => node.argument.name));
  const reads = unresolved.filter(
    (reference) => reference.isRead() && ![assigned, guarded].some((names) => names.has(reference.identifier.name)),
  );
  yield* firstInEachFunction("removed-global", reads.filter(({ identifier }) => REMOVED.has(identifier.name)));
  yield* firstInEachFunction("unknown-name", reads.filter(({ identifier }) => !REMOVED.has(identifier.name)));
}

function* firstInEachFunction(kind, references) {
  const seen = new Map();
  for (const { identifier, from } of references) {
    const names = seen.get(from.variableScope) ?? new Set();
    seen.set(from.variableScope, names);
    if (!names.has(identifier.name)) yield problem(kind, identifier.name, identifier);
    names.add(identifier.name);
  }
}

function isTypeofName(node) {
  return node.type === "UnaryExpression" && node.operator === "typeof" && node.argument.type === "Identifier";
}

// Return the names of globals that the script makes itself: by sloppy assignment, and as properties of the global object.
function namesFromCode(script) {
  const { nodes, parents, scopes } = script;
  const assigned = scopes.globalScope.through
    .filter((reference) => reference.isWriteOnly() && !reference.from.isStrict)
    .map(({ identifier }) => identifier.name);
  const properties = nodes
    .filter((node) => isGlobalObject(node, script) && memberName(parents.get(node), node) !== null)
    .map((node) => memberName(parents.get(node), node));
  return new Set([...assigned, ...properties]);
}

// Tell whether names can come from where they cannot be seen: `eval`, `with`, the global object passed on as a value.
function canMakeAnyName(script) {
  const { nodes, parents } = script;
  return nodes.some((node) => {
    const parent = parents.get(node);
    if (node.type === "WithStatement") return true;
    if (node.type === "Identifier" && node.name === "eval") return true;
    if (node.type === "Identifier" && node.name === "Function" && parent.callee === node) return true;
    return isGlobalObject(node, script) && memberName(parent, node) === null && !isTypeofName(parent);
  });
}

function isGlobalObject(node, { parents, scopes }) {
  if (node.type === "ThisExpression") return thisIsGlobal(node, parents, scopes);
  if (node.type !== "Identifier" || !["global", "globalThis"].includes(node.name)) return false;
  const parent = parents.get(node);
  const isLabel = !parent.computed && (parent.property === node || (parent.key === node && !parent.shorthand));
  return !isLabel;
}

// Tell whether `this` can be the global object: outside of classes and of strict functions.
function thisIsGlobal(node, parents, scopes) {
  for (let outer = parents.get(node); outer; outer = parents.get(outer)) {
    if (outer.type === "ClassBody") return false;
    if (isPlainFunction(outer)) return !scopes.acquire(outer, true).isStrict;
  }
  return true;
}

// Return the name in `object.name` or `object["name"]`, else null.
function memberName(parent, object) {
  if (parent.type !== "MemberExpression" || parent.object !== object) return null;
  if (!parent.computed) return parent.property.name;
  return typeof parent.property.value === "string" ? parent.property.value : null;
}

// `this` --------------------------------------------------------------------------------------------------------------

function* problemsWithThis(script) {
  const { nodes, parents, scopes } = script;
  for (const node of nodes) {
    if (!isPlainFunction(node) || !scopes.acquire(node, true).isStrict || !isCalledWithoutThis(node, script)) continue;
    const uses = ownUsesOfThis(node);
    if (uses.some((use) => isTested(use, parents.get(use)))) continue;
    const failing = uses.find((use) => failsIfUndefined(use, parents.get(use)));
    if (failing) yield problem("this-in-function", node.id?.name ?? "", failing);
  }
}

function isPlainFunction(node) {
  return node.type === "FunctionExpression" || node.type === "FunctionDeclaration";
}

function ownUsesOfThis(node) {
  const uses = [];
  const pending = [...node.params, node.body].reverse();
  while (pending.length) {
    const inner = pending.pop();
    if (inner.type === "ThisExpression") uses.push(inner);
    if (!isPlainFunction(inner) && inner.type !== "ClassBody") pending.push(...childrenOf(inner).reverse());
  }
  return uses;
}

function isTested(use, parent) {
  return (
    ["UnaryExpression", "LogicalExpression", "BinaryExpression"].includes(parent.type) ||
    (["IfStatement", "ConditionalExpression"].includes(parent.type) && parent.test === use) ||
    (parent.type === "MemberExpression" && parent.optional)
  );
}

function failsIfUndefined(use, parent) {
  if (parent.type === "VariableDeclarator") return parent.id.type === "ObjectPattern";
  return parent.type === "MemberExpression" && parent.object === use;
}

// Tell whether a function is called in a way that leaves `this` undefined.
function isCalledWithoutThis(node, script) {
  const { parents, scopes } = script;
  const parent = parents.get(node);
  if (node.type === "FunctionDeclaration") return isPlainlyCalled(scopes.getDeclaredVariables(node)[0], script);
  if (isPlainCall(node, parent)) return true;
  const isValueOfVariable = parent.type === "VariableDeclarator" && parent.id.type === "Identifier";
  return isValueOfVariable && isPlainlyCalled(scopes.getDeclaredVariables(parent)[0], script);
}

function isPlainlyCalled(variable, { parents }) {
  const uses = variable.references.filter((reference) => !reference.init).map(({ identifier }) => identifier);
  return uses.some((use) => isPlainCall(use, parents.get(use)));
}

// Tell whether a function is called at once, or given to what calls it with `this` undefined.
function isPlainCall(node, parent) {
  if (parent.type === "NewExpression") return parent.callee.name === "Promise" && parent.arguments[0] === node;
  if (parent.type !== "CallExpression") return false;
  if (parent.callee === node) return true;
  const { callee } = parent;
  if (callee.type !== "MemberExpression" || callee.computed) return false;
  if (CALLS_WITH_OPTIONAL_THIS.has(callee.property.name)) return parent.arguments.length === 1;
  return CALLS_WITHOUT_THIS.has(callee.property.name);
}

// `arguments.callee` --------------------------------------------------------------------------------------------------

function* problemsWithCallee({ nodes, parents, scopes }) {
  for (const node of nodes) {
    if (node.type !== "MemberExpression" || node.object.name !== "arguments" || memberName(node, node.object) !== "callee") continue;
    let outer = parents.get(node);
    while (outer && !isPlainFunction(outer)) outer = parents.get(outer);
    if (outer && scopes.acquire(outer, true).isStrict) yield problem("arguments-callee", "arguments.callee", node);
  }
}
