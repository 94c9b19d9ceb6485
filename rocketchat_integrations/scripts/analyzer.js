// Made by tools/script_analysis/build.js; do not edit. Bundled, with licences in analyzer.LICENSES.txt:
//   acorn 8.19.0 (MIT)
//   eslint-scope 9.1.2 (BSD-2-Clause)
//   esrecurse 4.3.0 (BSD-2-Clause)
//   estraverse 5.3.0 (BSD-2-Clause)
var analyzer=(()=>{var __create=Object.create;var __defProp=Object.defineProperty;var __getOwnPropDesc=Object.getOwnPropertyDescriptor;var __getOwnPropNames=Object.getOwnPropertyNames;var __getProtoOf=Object.getPrototypeOf;var __hasOwnProp=Object.prototype.hasOwnProperty;var __commonJS=(cb,mod)=>function __require(){try{return mod||(0,cb[__getOwnPropNames(cb)[0]])((mod={exports:{}}).exports,
mod),mod.exports}catch(e){throw mod=0,e}};var __export=(target,all)=>{for(var name in all)__defProp(target,name,{get:all[name],enumerable:true})};var __copyProps=(to,from,except,desc)=>{
if(from&&typeof from==="object"||typeof from==="function"){for(let key of __getOwnPropNames(from))if(!__hasOwnProp.call(
to,key)&&key!==except)__defProp(to,key,{get:()=>from[key],enumerable:!(desc=__getOwnPropDesc(from,key))||desc.enumerable})}
return to};var __toESM=(mod,isNodeMode,target)=>(target=mod!=null?__create(__getProtoOf(mod)):{},__copyProps(isNodeMode||!mod||!mod.
__esModule?__defProp(target,"default",{value:mod,enumerable:true}):target,mod));var __toCommonJS=mod=>__copyProps(__defProp(
{},"__esModule",{value:true}),mod);var require_estraverse=__commonJS({"node_modules/estraverse/estraverse.js"(exports){(function clone(exports2){"use stric\
t";var Syntax4,VisitorOption,VisitorKeys,BREAK,SKIP,REMOVE;function deepCopy(obj){var ret={},key,val;for(key in obj){if(obj.
hasOwnProperty(key)){val=obj[key];if(typeof val==="object"&&val!==null){ret[key]=deepCopy(val)}else{ret[key]=val}}}return ret}
function upperBound(array,func){var diff,len,i2,current2;len=array.length;i2=0;while(len){diff=len>>>1;current2=i2+diff;
if(func(array[current2])){len=diff}else{i2=current2+1;len-=diff+1}}return i2}Syntax4={AssignmentExpression:"AssignmentEx\
pression",AssignmentPattern:"AssignmentPattern",ArrayExpression:"ArrayExpression",ArrayPattern:"ArrayPattern",ArrowFunctionExpression:"\
ArrowFunctionExpression",AwaitExpression:"AwaitExpression",BlockStatement:"BlockStatement",BinaryExpression:"BinaryExpre\
ssion",BreakStatement:"BreakStatement",CallExpression:"CallExpression",CatchClause:"CatchClause",ChainExpression:"ChainE\
xpression",ClassBody:"ClassBody",ClassDeclaration:"ClassDeclaration",ClassExpression:"ClassExpression",ComprehensionBlock:"\
ComprehensionBlock",ComprehensionExpression:"ComprehensionExpression",ConditionalExpression:"ConditionalExpression",ContinueStatement:"\
ContinueStatement",DebuggerStatement:"DebuggerStatement",DirectiveStatement:"DirectiveStatement",DoWhileStatement:"DoWhi\
leStatement",EmptyStatement:"EmptyStatement",ExportAllDeclaration:"ExportAllDeclaration",ExportDefaultDeclaration:"Expor\
tDefaultDeclaration",ExportNamedDeclaration:"ExportNamedDeclaration",ExportSpecifier:"ExportSpecifier",ExpressionStatement:"\
ExpressionStatement",ForStatement:"ForStatement",ForInStatement:"ForInStatement",ForOfStatement:"ForOfStatement",FunctionDeclaration:"\
FunctionDeclaration",FunctionExpression:"FunctionExpression",GeneratorExpression:"GeneratorExpression",Identifier:"Ident\
ifier",IfStatement:"IfStatement",ImportExpression:"ImportExpression",ImportDeclaration:"ImportDeclaration",ImportDefaultSpecifier:"\
ImportDefaultSpecifier",ImportNamespaceSpecifier:"ImportNamespaceSpecifier",ImportSpecifier:"ImportSpecifier",Literal:"L\
iteral",LabeledStatement:"LabeledStatement",LogicalExpression:"LogicalExpression",MemberExpression:"MemberExpression",MetaProperty:"\
MetaProperty",MethodDefinition:"MethodDefinition",ModuleSpecifier:"ModuleSpecifier",NewExpression:"NewExpression",ObjectExpression:"\
ObjectExpression",ObjectPattern:"ObjectPattern",PrivateIdentifier:"PrivateIdentifier",Program:"Program",Property:"Proper\
ty",PropertyDefinition:"PropertyDefinition",RestElement:"RestElement",ReturnStatement:"ReturnStatement",SequenceExpression:"\
SequenceExpression",SpreadElement:"SpreadElement",Super:"Super",SwitchStatement:"SwitchStatement",SwitchCase:"SwitchCase",
TaggedTemplateExpression:"TaggedTemplateExpression",TemplateElement:"TemplateElement",TemplateLiteral:"TemplateLiteral",
ThisExpression:"ThisExpression",ThrowStatement:"ThrowStatement",TryStatement:"TryStatement",UnaryExpression:"UnaryExpres\
sion",UpdateExpression:"UpdateExpression",VariableDeclaration:"VariableDeclaration",VariableDeclarator:"VariableDeclarat\
or",WhileStatement:"WhileStatement",WithStatement:"WithStatement",YieldExpression:"YieldExpression"};VisitorKeys={AssignmentExpression:[
"left","right"],AssignmentPattern:["left","right"],ArrayExpression:["elements"],ArrayPattern:["elements"],ArrowFunctionExpression:[
"params","body"],AwaitExpression:["argument"],BlockStatement:["body"],BinaryExpression:["left","right"],BreakStatement:[
"label"],CallExpression:["callee","arguments"],CatchClause:["param","body"],ChainExpression:["expression"],ClassBody:["b\
ody"],ClassDeclaration:["id","superClass","body"],ClassExpression:["id","superClass","body"],ComprehensionBlock:["left",
"right"],ComprehensionExpression:["blocks","filter","body"],ConditionalExpression:["test","consequent","alternate"],ContinueStatement:[
"label"],DebuggerStatement:[],DirectiveStatement:[],DoWhileStatement:["body","test"],EmptyStatement:[],ExportAllDeclaration:[
"source"],ExportDefaultDeclaration:["declaration"],ExportNamedDeclaration:["declaration","specifiers","source"],ExportSpecifier:[
"exported","local"],ExpressionStatement:["expression"],ForStatement:["init","test","update","body"],ForInStatement:["lef\
t","right","body"],ForOfStatement:["left","right","body"],FunctionDeclaration:["id","params","body"],FunctionExpression:[
"id","params","body"],GeneratorExpression:["blocks","filter","body"],Identifier:[],IfStatement:["test","consequent","alt\
ernate"],ImportExpression:["source"],ImportDeclaration:["specifiers","source"],ImportDefaultSpecifier:["local"],ImportNamespaceSpecifier:[
"local"],ImportSpecifier:["imported","local"],Literal:[],LabeledStatement:["label","body"],LogicalExpression:["left","ri\
ght"],MemberExpression:["object","property"],MetaProperty:["meta","property"],MethodDefinition:["key","value"],ModuleSpecifier:[],
NewExpression:["callee","arguments"],ObjectExpression:["properties"],ObjectPattern:["properties"],PrivateIdentifier:[],Program:[
"body"],Property:["key","value"],PropertyDefinition:["key","value"],RestElement:["argument"],ReturnStatement:["argument"],
SequenceExpression:["expressions"],SpreadElement:["argument"],Super:[],SwitchStatement:["discriminant","cases"],SwitchCase:[
"test","consequent"],TaggedTemplateExpression:["tag","quasi"],TemplateElement:[],TemplateLiteral:["quasis","expressions"],
ThisExpression:[],ThrowStatement:["argument"],TryStatement:["block","handler","finalizer"],UnaryExpression:["argument"],
UpdateExpression:["argument"],VariableDeclaration:["declarations"],VariableDeclarator:["id","init"],WhileStatement:["tes\
t","body"],WithStatement:["object","body"],YieldExpression:["argument"]};BREAK={};SKIP={};REMOVE={};VisitorOption={Break:BREAK,
Skip:SKIP,Remove:REMOVE};function Reference2(parent,key){this.parent=parent;this.key=key}Reference2.prototype.replace=function replace2(node){
this.parent[this.key]=node};Reference2.prototype.remove=function remove(){if(Array.isArray(this.parent)){this.parent.splice(
this.key,1);return true}else{this.replace(null);return false}};function Element(node,path,wrap,ref2){this.node=node;this.
path=path;this.wrap=wrap;this.ref=ref2}function Controller(){}Controller.prototype.path=function path(){var i2,iz,j,jz,result,
element;function addToPath(result2,path2){if(Array.isArray(path2)){for(j=0,jz=path2.length;j<jz;++j){result2.push(path2[j])}}else{
result2.push(path2)}}if(!this.__current.path){return null}result=[];for(i2=2,iz=this.__leavelist.length;i2<iz;++i2){element=
this.__leavelist[i2];addToPath(result,element.path)}addToPath(result,this.__current.path);return result};Controller.prototype.
type=function(){var node=this.current();return node.type||this.__current.wrap};Controller.prototype.parents=function parents(){
var i2,iz,result;result=[];for(i2=1,iz=this.__leavelist.length;i2<iz;++i2){result.push(this.__leavelist[i2].node)}return result};
Controller.prototype.current=function current2(){return this.__current.node};Controller.prototype.__execute=function __execute(callback,element){
var previous,result;result=void 0;previous=this.__current;this.__current=element;this.__state=null;if(callback){result=callback.
call(this,element.node,this.__leavelist[this.__leavelist.length-1].node)}this.__current=previous;return result};Controller.
prototype.notify=function notify(flag){this.__state=flag};Controller.prototype.skip=function(){this.notify(SKIP)};Controller.
prototype["break"]=function(){this.notify(BREAK)};Controller.prototype.remove=function(){this.notify(REMOVE)};Controller.
prototype.__initialize=function(root,visitor){this.visitor=visitor;this.root=root;this.__worklist=[];this.__leavelist=[];
this.__current=null;this.__state=null;this.__fallback=null;if(visitor.fallback==="iteration"){this.__fallback=Object.keys}else if(typeof visitor.
fallback==="function"){this.__fallback=visitor.fallback}this.__keys=VisitorKeys;if(visitor.keys){this.__keys=Object.assign(
Object.create(this.__keys),visitor.keys)}};function isNode(node){if(node==null){return false}return typeof node==="objec\
t"&&typeof node.type==="string"}function isProperty(nodeType,key){return(nodeType===Syntax4.ObjectExpression||nodeType===
Syntax4.ObjectPattern)&&"properties"===key}function candidateExistsInLeaveList(leavelist,candidate){for(var i2=leavelist.
length-1;i2>=0;--i2){if(leavelist[i2].node===candidate){return true}}return false}Controller.prototype.traverse=function traverse2(root,visitor){
var worklist,leavelist,element,node,nodeType,ret,key,current2,current22,candidates,candidate,sentinel;this.__initialize(
root,visitor);sentinel={};worklist=this.__worklist;leavelist=this.__leavelist;worklist.push(new Element(root,null,null,null));
leavelist.push(new Element(null,null,null,null));while(worklist.length){element=worklist.pop();if(element===sentinel){element=
leavelist.pop();ret=this.__execute(visitor.leave,element);if(this.__state===BREAK||ret===BREAK){return}continue}if(element.
node){ret=this.__execute(visitor.enter,element);if(this.__state===BREAK||ret===BREAK){return}worklist.push(sentinel);leavelist.
push(element);if(this.__state===SKIP||ret===SKIP){continue}node=element.node;nodeType=node.type||element.wrap;candidates=
this.__keys[nodeType];if(!candidates){if(this.__fallback){candidates=this.__fallback(node)}else{throw new Error("Unknown\
 node type "+nodeType+".")}}current2=candidates.length;while((current2-=1)>=0){key=candidates[current2];candidate=node[key];
if(!candidate){continue}if(Array.isArray(candidate)){current22=candidate.length;while((current22-=1)>=0){if(!candidate[current22]){
continue}if(candidateExistsInLeaveList(leavelist,candidate[current22])){continue}if(isProperty(nodeType,candidates[current2])){
element=new Element(candidate[current22],[key,current22],"Property",null)}else if(isNode(candidate[current22])){element=
new Element(candidate[current22],[key,current22],null,null)}else{continue}worklist.push(element)}}else if(isNode(candidate)){
if(candidateExistsInLeaveList(leavelist,candidate)){continue}worklist.push(new Element(candidate,key,null,null))}}}}};Controller.
prototype.replace=function replace2(root,visitor){var worklist,leavelist,node,nodeType,target,element,current2,current22,
candidates,candidate,sentinel,outer,key;function removeElem(element2){var i2,key2,nextElem,parent;if(element2.ref.remove()){
key2=element2.ref.key;parent=element2.ref.parent;i2=worklist.length;while(i2--){nextElem=worklist[i2];if(nextElem.ref&&nextElem.
ref.parent===parent){if(nextElem.ref.key<key2){break}--nextElem.ref.key}}}}this.__initialize(root,visitor);sentinel={};worklist=
this.__worklist;leavelist=this.__leavelist;outer={root};element=new Element(root,null,null,new Reference2(outer,"root"));
worklist.push(element);leavelist.push(element);while(worklist.length){element=worklist.pop();if(element===sentinel){element=
leavelist.pop();target=this.__execute(visitor.leave,element);if(target!==void 0&&target!==BREAK&&target!==SKIP&&target!==
REMOVE){element.ref.replace(target)}if(this.__state===REMOVE||target===REMOVE){removeElem(element)}if(this.__state===BREAK||
target===BREAK){return outer.root}continue}target=this.__execute(visitor.enter,element);if(target!==void 0&&target!==BREAK&&
target!==SKIP&&target!==REMOVE){element.ref.replace(target);element.node=target}if(this.__state===REMOVE||target===REMOVE){
removeElem(element);element.node=null}if(this.__state===BREAK||target===BREAK){return outer.root}node=element.node;if(!node){
continue}worklist.push(sentinel);leavelist.push(element);if(this.__state===SKIP||target===SKIP){continue}nodeType=node.type||
element.wrap;candidates=this.__keys[nodeType];if(!candidates){if(this.__fallback){candidates=this.__fallback(node)}else{
throw new Error("Unknown node type "+nodeType+".")}}current2=candidates.length;while((current2-=1)>=0){key=candidates[current2];
candidate=node[key];if(!candidate){continue}if(Array.isArray(candidate)){current22=candidate.length;while((current22-=1)>=
0){if(!candidate[current22]){continue}if(isProperty(nodeType,candidates[current2])){element=new Element(candidate[current22],
[key,current22],"Property",new Reference2(candidate,current22))}else if(isNode(candidate[current22])){element=new Element(
candidate[current22],[key,current22],null,new Reference2(candidate,current22))}else{continue}worklist.push(element)}}else if(isNode(
candidate)){worklist.push(new Element(candidate,key,null,new Reference2(node,key)))}}}return outer.root};function traverse(root,visitor){
var controller=new Controller;return controller.traverse(root,visitor)}function replace(root,visitor){var controller=new Controller;
return controller.replace(root,visitor)}function extendCommentRange(comment,tokens){var target;target=upperBound(tokens,
function search(token){return token.range[0]>comment.range[0]});comment.extendedRange=[comment.range[0],comment.range[1]];
if(target!==tokens.length){comment.extendedRange[1]=tokens[target].range[0]}target-=1;if(target>=0){comment.extendedRange[0]=
tokens[target].range[1]}return comment}function attachComments(tree,providedComments,tokens){var comments=[],comment,len,
i2,cursor;if(!tree.range){throw new Error("attachComments needs range information")}if(!tokens.length){if(providedComments.
length){for(i2=0,len=providedComments.length;i2<len;i2+=1){comment=deepCopy(providedComments[i2]);comment.extendedRange=
[0,tree.range[0]];comments.push(comment)}tree.leadingComments=comments}return tree}for(i2=0,len=providedComments.length;i2<
len;i2+=1){comments.push(extendCommentRange(deepCopy(providedComments[i2]),tokens))}cursor=0;traverse(tree,{enter:function(node){
var comment2;while(cursor<comments.length){comment2=comments[cursor];if(comment2.extendedRange[1]>node.range[0]){break}if(comment2.
extendedRange[1]===node.range[0]){if(!node.leadingComments){node.leadingComments=[]}node.leadingComments.push(comment2);
comments.splice(cursor,1)}else{cursor+=1}}if(cursor===comments.length){return VisitorOption.Break}if(comments[cursor].extendedRange[0]>
node.range[1]){return VisitorOption.Skip}}});cursor=0;traverse(tree,{leave:function(node){var comment2;while(cursor<comments.
length){comment2=comments[cursor];if(node.range[1]<comment2.extendedRange[0]){break}if(node.range[1]===comment2.extendedRange[0]){
if(!node.trailingComments){node.trailingComments=[]}node.trailingComments.push(comment2);comments.splice(cursor,1)}else{
cursor+=1}}if(cursor===comments.length){return VisitorOption.Break}if(comments[cursor].extendedRange[0]>node.range[1]){return VisitorOption.
Skip}}});return tree}exports2.Syntax=Syntax4;exports2.traverse=traverse;exports2.replace=replace;exports2.attachComments=
attachComments;exports2.VisitorKeys=VisitorKeys;exports2.VisitorOption=VisitorOption;exports2.Controller=Controller;exports2.
cloneEnvironment=function(){return clone({})};return exports2})(exports)}});var require_package=__commonJS({"node_modules/esrecurse/package.json"(exports,module){module.exports={name:"esrecurse",description:"\
ECMAScript AST recursive visitor",homepage:"https://github.com/estools/esrecurse",main:"esrecurse.js",version:"4.3.0",engines:{
node:">=4.0"},maintainers:[{name:"Yusuke Suzuki",email:"utatane.tea@gmail.com",web:"https://github.com/Constellation"}],
repository:{type:"git",url:"https://github.com/estools/esrecurse.git"},dependencies:{estraverse:"^5.2.0"},devDependencies:{
"babel-cli":"^6.24.1","babel-eslint":"^7.2.3","babel-preset-es2015":"^6.24.1","babel-register":"^6.24.1",chai:"^4.0.2",esprima:"\
^4.0.0",gulp:"^3.9.0","gulp-bump":"^2.7.0","gulp-eslint":"^4.0.0","gulp-filter":"^5.0.0","gulp-git":"^2.4.1","gulp-mocha":"\
^4.3.1","gulp-tag-version":"^1.2.1",jsdoc:"^3.3.0-alpha10",minimist:"^1.1.0"},license:"BSD-2-Clause",scripts:{test:"gulp\
 travis","unit-test":"gulp test",lint:"gulp lint"},babel:{presets:["es2015"]}}}});var require_esrecurse=__commonJS({"node_modules/esrecurse/esrecurse.js"(exports){(function(){"use strict";var estraverse4=require_estraverse();
function isNode(node){if(node==null){return false}return typeof node==="object"&&typeof node.type==="string"}function isProperty(nodeType,key){
return(nodeType===estraverse4.Syntax.ObjectExpression||nodeType===estraverse4.Syntax.ObjectPattern)&&key==="properties"}
function Visitor(visitor,options){options=options||{};this.__visitor=visitor||this;this.__childVisitorKeys=options.childVisitorKeys?
Object.assign({},estraverse4.VisitorKeys,options.childVisitorKeys):estraverse4.VisitorKeys;if(options.fallback==="iterat\
ion"){this.__fallback=Object.keys}else if(typeof options.fallback==="function"){this.__fallback=options.fallback}}Visitor.
prototype.visitChildren=function(node){var type,children,i2,iz,j,jz,child;if(node==null){return}type=node.type||estraverse4.
Syntax.Property;children=this.__childVisitorKeys[type];if(!children){if(this.__fallback){children=this.__fallback(node)}else{
throw new Error("Unknown node type "+type+".")}}for(i2=0,iz=children.length;i2<iz;++i2){child=node[children[i2]];if(child){
if(Array.isArray(child)){for(j=0,jz=child.length;j<jz;++j){if(child[j]){if(isNode(child[j])||isProperty(type,children[i2])){
this.visit(child[j])}}}}else if(isNode(child)){this.visit(child)}}}};Visitor.prototype.visit=function(node){var type;if(node==
null){return}type=node.type||estraverse4.Syntax.Property;if(this.__visitor[type]){this.__visitor[type].call(this,node);return}
this.visitChildren(node)};exports.version=require_package().version;exports.Visitor=Visitor;exports.visit=function(node,visitor,options){
var v=new Visitor(visitor,options);v.visit(node)}})()}});var analysis_exports={};__export(analysis_exports,{analyze:()=>analyze2});var astralIdentifierCodes=[509,0,227,0,150,4,294,9,1368,2,2,1,6,3,41,2,5,0,166,1,574,3,9,9,7,9,32,4,318,1,31,4,33,15,71,
10,50,3,123,2,54,14,32,10,3,1,11,3,46,10,8,0,46,9,7,2,37,13,2,9,6,1,45,0,13,2,49,13,9,3,2,11,83,11,7,0,3,0,158,11,6,9,7,
3,56,1,2,6,3,1,3,2,10,0,11,1,3,6,4,4,68,8,2,0,3,0,2,3,2,4,2,0,15,1,83,17,10,9,5,0,82,19,13,9,214,6,3,8,28,1,83,16,16,9,82,
12,9,9,7,19,58,14,5,9,243,14,166,9,71,5,2,1,3,3,2,0,2,1,13,9,120,6,3,6,4,0,29,9,41,6,2,3,9,0,10,10,47,15,199,7,137,9,54,
7,2,7,17,9,57,21,2,13,123,5,4,0,2,1,2,6,2,0,9,9,49,4,2,1,2,4,9,9,55,9,7,0,259,3,10,1,2,0,49,6,4,4,14,10,5350,0,7,14,11465,
27,2343,9,87,9,39,4,60,6,26,9,535,9,470,0,2,54,8,3,82,0,12,1,19628,1,4178,9,519,45,3,22,481,1,61,4,4,5,9,7,3,6,31,3,149,
2,12,2,9,1,3,0,33,1,1357,49,513,54,5,49,9,0,15,0,23,4,2,14,1361,6,2,16,3,6,2,1,2,4,101,0,161,6,10,9,357,0,62,13,499,13,245,
1,2,9,233,0,3,0,8,1,6,0,475,6,110,6,6,9,4759,9,787719,239];var astralIdentifierStartCodes=[0,11,2,25,2,18,2,1,2,14,3,13,
35,122,70,52,268,28,4,48,48,31,14,29,6,37,11,29,3,35,5,7,2,4,43,157,19,35,5,35,5,39,9,51,13,10,2,14,2,6,2,1,2,10,2,14,2,
6,2,1,4,51,13,310,10,21,11,7,25,5,2,41,2,13,65,5,3,0,2,43,2,1,4,0,3,22,11,22,10,30,66,18,2,1,11,21,11,25,7,25,39,55,7,1,
65,0,16,3,2,2,2,28,43,28,4,28,36,7,2,27,28,53,11,21,11,18,14,17,111,72,56,50,14,50,14,35,39,27,10,22,251,41,7,1,17,5,18,
21,18,28,11,0,9,21,43,17,47,20,28,22,13,52,58,1,3,0,14,44,33,24,27,35,30,0,3,0,9,34,4,0,13,47,15,3,22,0,2,0,36,17,2,24,20,
1,64,6,2,0,2,3,2,14,2,9,8,46,39,7,3,1,3,21,2,6,2,1,2,4,4,0,19,0,13,4,31,9,2,0,3,0,2,37,2,0,26,0,2,0,45,52,19,3,21,2,31,47,
21,1,2,0,185,46,42,3,37,47,21,0,60,42,14,0,72,26,38,6,186,43,117,63,32,7,3,0,3,7,2,1,2,23,16,0,2,0,95,7,3,38,17,0,2,0,29,
0,11,39,8,0,22,0,12,45,20,0,19,72,18,0,182,32,32,8,2,36,18,0,50,29,113,6,2,1,2,37,22,0,26,5,2,1,2,31,15,0,24,43,22,0,239,
18,16,0,2,12,2,33,125,0,80,921,103,111,6,206,13,310,2314,96,16,1071,18,5,26,3994,6,582,6842,29,1763,568,8,30,18,78,18,29,
19,47,17,3,32,20,6,18,433,44,212,63,33,24,3,24,45,74,6,0,67,12,65,1,2,0,15,4,10,7386,37,33,96,114,14,913,15,50,7710,3,2,
6,2,1,2,296,10,0,30,2,3,0,15,4,8,395,2309,106,6,12,4,8,8,9,5991,84,2,70,2,1,3,0,3,1,3,3,2,11,2,0,2,6,2,64,2,3,3,7,2,6,2,
27,2,3,2,4,2,0,4,6,2,340,2,24,2,24,2,30,2,24,2,30,2,24,2,30,2,24,2,30,2,24,2,7,1845,129,15,6,55,50,49,61,147,44,11,6,17,
0,322,29,19,43,485,27,229,29,3,0,208,30,2,2,2,1,2,6,3,4,10,1,225,6,2,3,2,1,2,14,2,196,60,67,8,0,1205,3,2,26,2,1,2,0,3,0,
2,9,2,3,2,0,2,0,7,0,5,0,2,0,2,0,2,2,2,1,2,0,3,0,2,0,2,0,2,0,2,0,2,1,2,0,3,3,2,6,2,3,2,3,2,0,2,9,2,16,6,2,2,4,2,16,4421,42719,
33,4382,2,5773,3,7472,16,621,2467,541,1507,4938,6,8489,39815,11327];var nonASCIIidentifierChars="‌‍·̀-ͯ·҃-֑҇-ׇֽֿׁׂׅׄ-׉ؐ-\
ًؚ-٩ٰۖ-ۜ۟-۪ۤۧۨ-ۭ۰-۹ܑܰ-݊ަ-ް߀-߉߫-߽߳ࠖ-࠙ࠛ-ࠣࠥ-ࠧࠩ-࡙࠭-࡛ࢗ-࢟࣊-ࣣ࣡-ःऺ-़ा-ॏ॑-ॗॢॣ०-९ঁ-ঃ়া-ৄেৈো-্ৗৢৣ০-৯৾ਁ-ਃ਼ਾ-ੂੇੈੋ-੍ੑ੦-ੱੵઁ-ઃ઼ા-ૅે-ૉો-્\
ૢૣ૦-૯ૺ-૿ଁ-ଃ଼ା-ୄେୈୋ-୍୓-ୗୢୣ୦-୯ஂா-ூெ-ைொ-்ௗ௦-௯ఀ-ఄ఼ా-ౄె-ైొ-్ౕౖౢౣ౦-౯ಁ-ಃ಼ಾ-ೄೆ-ೈೊ-್ೕೖೢೣ೦-೯ೳഀ-ഃ഻഼ാ-ൄെ-ൈൊ-്ൗൢൣ൦-൯ඁ-ඃ්ා-ුූෘ-ෟ෦-෯ෲෳั\
ิ-ฺ็-๎๐-๙ັິ-ຼ່-໎໐-໙༘༙༠-༩༹༵༷༾༿ཱ-྄྆྇ྍ-ྗྙ-ྼ࿆ါ-ှ၀-၉ၖ-ၙၞ-ၠၢ-ၤၧ-ၭၱ-ၴႂ-ႍႏ-ႝ፝-፟፩-፱ᜒ-᜕ᜲ-᜴ᝒᝓᝲᝳ឴-៓៝០-៩᠋-᠍᠏-᠙ᢩᤠ-ᤫᤰ-᤻᥆-᥏᧐-᧚ᨗ-ᨛᩕ-ᩞ᩠-᩿᩼\
-᪉᪐-᪙᪰-᪽ᪿ-᫰ᬀ-ᬄ᬴-᭄᭐-᭙᭫-᭳ᮀ-ᮂᮡ-ᮭ᮰-᮹᯦-᯳ᰤ-᰷᱀-᱉᱐-᱙᳐-᳔᳒-᳨᳭᳴᳷-᳹᷀-᷿‌‍‿⁀⁔⃐-⃥⃜⃡-⃰⳯-⵿⳱ⷠ-〪ⷿ-゙゚〯・꘠-꘩꙯ꙴ-꙽ꚞꚟ꛰꛱ꠂ꠆ꠋꠣ-ꠧ꠬ꢀꢁꢴ-ꣅ꣐-꣙꣠-꣱ꣿ-꤉ꤦ-꤭ꥇ-\
꥓ꦀ-ꦃ꦳-꧀꧐-꧙ꧥ꧰-꧹ꨩ-ꨶꩃꩌꩍ꩐-꩙ꩻ-ꩽꪰꪲ-ꪴꪷꪸꪾ꪿꫁ꫫ-ꫯꫵ꫶ꯣ-ꯪ꯬꯭꯰-꯹ﬞ︀-️︠-︯︳︴﹍-﹏０-９＿･";
var nonASCIIidentifierStartChars="ªµºÀ-ÖØ-öø-ˁˆ-ˑˠ-ˤˬˮͰ-ʹͶͷͺ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-Ֆ՘ՙՠ-ֈ֋֌א-תׯ-ײؠ-يٮٯٱ-ۓەۥۦۮۯۺ-ۼۿܐܒ-ܯݍ-ޥ\
ޱߊ-ߪߴߵߺࠀ-ࠕࠚࠤࠨࡀ-ࡘࡠ-ࡪࡰ-ࢇࢉ-࢏ࢠ-ࣉऄ-हऽॐक़-ॡॱ-ঀঅ-ঌএঐও-নপ-রলশ-হঽৎড়ঢ়য়-ৡৰৱৼਅ-ਊਏਐਓ-ਨਪ-ਰਲਲ਼ਵਸ਼ਸਹਖ਼-ੜਫ਼ੲ-ੴઅ-ઍએ-ઑઓ-નપ-રલળવ-હઽૐૠૡૹଅ-ଌଏଐଓ-ନପ-\
ରଲଳଵ-ହଽଡ଼ଢ଼ୟ-ୡୱஃஅ-ஊஎ-ஐஒ-கஙசஜஞடணதந-பம-ஹௐఅ-ఌఎ-ఐఒ-నప-హఽౘ-ౚ౜ౝౠౡಀಅ-ಌಎ-ಐಒ-ನಪ-ಳವ-ಹಽ೜-ೞೠೡೱೲഄ-ഌഎ-ഐഒ-ഺഽൎൔ-ൖൟ-ൡൺ-ൿඅ-ඖක-නඳ-රලව-ෆก-ะาำเ\
-ๆກຂຄຆ-ຊຌ-ຣລວ-ະາຳຽເ-ໄໆໜ-ໟༀཀ-ཇཉ-ཬྈ-ྌက-ဪဿၐ-ၕၚ-ၝၡၥၦၮ-ၰၵ-ႁႎႠ-ჅჇჍა-ჺჼ-ቈቊ-ቍቐ-ቖቘቚ-ቝበ-ኈኊ-ኍነ-ኰኲ-ኵኸ-ኾዀዂ-ዅወ-ዖዘ-ጐጒ-ጕጘ-ፚᎀ-ᎏᎠ-Ᏽᏸ-ᏽᐁ-ᙬᙯ\
-ᙿᚁ-ᚚᚠ-ᛪᛮ-ᛸᜀ-ᜑᜟ-ᜱᝀ-ᝑᝠ-ᝬᝮ-ᝰក-ឳៗៜᠠ-ᡸᢀ-ᢨᢪᢰ-ᣵᤀ-ᤞᥐ-ᥭᥰ-ᥴᦀ-ᦫᦰ-ᧉᨀ-ᨖᨠ-ᩔᪧᬅ-ᬳᭅ-ᭌᮃ-ᮠᮮᮯᮺ-ᯥᰀ-ᰣᱍ-ᱏᱚ-ᱽᲀ-ᲊᲐ-ᲺᲽ-Ჿᳩ-ᳬᳮ-ᳳᳵᳶᳺᴀ-ᶿḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ\
-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼⁱⁿ₏-₟ℂℇℊ-ℓℕ℘-ℝℤΩℨK-ℹℼ-ℿⅅ-ⅉⅎⅠ-ↈⰀ-ⳤⳫ-ⳮⳲⳳⴀ-ⴥⴧⴭⴰ-ⵧⵯⶀ-ⶖⶠ-ⶦⶨ-ⶮⶰ-ⶶⶸ-ⶾⷀ-ⷆⷈ-ⷎⷐ-ⷖⷘ-ⷞ々-〇〡-〩〱-〵〸\
-〼ぁ-ゖ゛-ゟァ-ヺー-ヿㄅ-ㄯㄱ-ㆎㆠ-ㆿㇰ-ㇿ㐀-䶿一-ꒌꓐ-ꓽꔀ-ꘌꘐ-ꘟꘪꘫꙀ-ꙮꙿ-ꚝꚠ-ꛯꜗ-ꜟꜢ-ꞈꞋ-꟝꟢꟱-ꠁꠃ-ꠅꠇ-ꠊꠌ-ꠢꡀ-ꡳꢂ-ꢳꣲ-ꣷꣻꣽꣾꤊ-ꤥꤰ-ꥆꥠ-ꥼꦄ-ꦲꧏꧠ-ꧤꧦ-ꧯꧺ-ꧾꨀ-ꨨꩀ-ꩂꩄ-ꩋꩠ-ꩶ\
ꩺꩾ-ꪯꪱꪵꪶꪹ-ꪽꫀꫂꫛ-ꫝꫠ-ꫪꫲ-ꫴꬁ-ꬆꬉ-ꬎꬑ-ꬖꬠ-ꬦꬨ-ꬮꬰ-ꭚꭜ-ꭩ꭬꭭ꭰ-ꯢ가-힣ힰ-ퟆퟋ-ퟻ豈-舘並-龎ﬀ-ﬆﬓ-ﬗיִײַ-ﬨשׁ-זּטּ-לּמּנּסּףּפּצּ-ﮱﯓ-ﴽﵐ-ﶏﶒ-ﷇﷰ-ﷻﹰ-ﹴﹶ-ﻼＡ-Ｚａ-ｚｦ-ﾾￂ-ￇￊ-ￏￒ\
-ￗￚ-ￜ";var reservedWords={3:"abstract boolean byte char class double enum export extends final float goto implemen\
ts import int interface long native package private protected public short static super synchronized throws transient vo\
latile",5:"class enum extends super const export import",6:"enum",strict:"implements interface let package private prote\
cted public static yield",strictBind:"eval arguments"};var ecma5AndLessKeywords="break case catch continue debugger defa\
ult do else finally for function if return switch throw try var while with null true false instanceof typeof void delete\
 new in this";var keywords$1={5:ecma5AndLessKeywords,"5module":ecma5AndLessKeywords+" export import",6:ecma5AndLessKeywords+
" const class extends export import super"};var keywordRelationalOperator=/^in(stanceof)?$/;var nonASCIIidentifierStart=new RegExp(
"["+nonASCIIidentifierStartChars+"]");var nonASCIIidentifier=new RegExp("["+nonASCIIidentifierStartChars+nonASCIIidentifierChars+
"]");function isInAstralSet(code,set){var pos=65536;for(var i2=0;i2<set.length;i2+=2){pos+=set[i2];if(pos>code){return false}
pos+=set[i2+1];if(pos>=code){return true}}return false}function isIdentifierStart(code,astral){if(code<65){return code===
36}if(code<91){return true}if(code<97){return code===95}if(code<123){return true}if(code<=65535){return code>=170&&nonASCIIidentifierStart.
test(String.fromCharCode(code))}if(astral===false){return false}return isInAstralSet(code,astralIdentifierStartCodes)}function isIdentifierChar(code,astral){
if(code<48){return code===36}if(code<58){return true}if(code<65){return false}if(code<91){return true}if(code<97){return code===
95}if(code<123){return true}if(code<=65535){return code>=170&&nonASCIIidentifier.test(String.fromCharCode(code))}if(astral===
false){return false}return isInAstralSet(code,astralIdentifierStartCodes)||isInAstralSet(code,astralIdentifierCodes)}var TokenType=function TokenType2(label,conf){
if(conf===void 0)conf={};this.label=label;this.keyword=conf.keyword;this.beforeExpr=!!conf.beforeExpr;this.startsExpr=!!conf.
startsExpr;this.isLoop=!!conf.isLoop;this.isAssign=!!conf.isAssign;this.prefix=!!conf.prefix;this.postfix=!!conf.postfix;
this.binop=conf.binop||null;this.updateContext=null};function binop(name,prec){return new TokenType(name,{beforeExpr:true,
binop:prec})}var beforeExpr={beforeExpr:true};var startsExpr={startsExpr:true};var keywords={};function kw(name,options){
if(options===void 0)options={};options.keyword=name;return keywords[name]=new TokenType(name,options)}var types$1={num:new TokenType(
"num",startsExpr),regexp:new TokenType("regexp",startsExpr),string:new TokenType("string",startsExpr),name:new TokenType(
"name",startsExpr),privateId:new TokenType("privateId",startsExpr),eof:new TokenType("eof"),bracketL:new TokenType("[",{
beforeExpr:true,startsExpr:true}),bracketR:new TokenType("]"),braceL:new TokenType("{",{beforeExpr:true,startsExpr:true}),
braceR:new TokenType("}"),parenL:new TokenType("(",{beforeExpr:true,startsExpr:true}),parenR:new TokenType(")"),comma:new TokenType(
",",beforeExpr),semi:new TokenType(";",beforeExpr),colon:new TokenType(":",beforeExpr),dot:new TokenType("."),question:new TokenType(
"?",beforeExpr),questionDot:new TokenType("?."),arrow:new TokenType("=>",beforeExpr),template:new TokenType("template"),
invalidTemplate:new TokenType("invalidTemplate"),ellipsis:new TokenType("...",beforeExpr),backQuote:new TokenType("`",startsExpr),
dollarBraceL:new TokenType("${",{beforeExpr:true,startsExpr:true}),eq:new TokenType("=",{beforeExpr:true,isAssign:true}),
assign:new TokenType("_=",{beforeExpr:true,isAssign:true}),incDec:new TokenType("++/--",{prefix:true,postfix:true,startsExpr:true}),
prefix:new TokenType("!/~",{beforeExpr:true,prefix:true,startsExpr:true}),logicalOR:binop("||",1),logicalAND:binop("&&",
2),bitwiseOR:binop("|",3),bitwiseXOR:binop("^",4),bitwiseAND:binop("&",5),equality:binop("==/!=/===/!==",6),relational:binop(
"</>/<=/>=",7),bitShift:binop("<</>>/>>>",8),plusMin:new TokenType("+/-",{beforeExpr:true,binop:9,prefix:true,startsExpr:true}),
modulo:binop("%",10),star:binop("*",10),slash:binop("/",10),starstar:new TokenType("**",{beforeExpr:true}),coalesce:binop(
"??",1),_break:kw("break"),_case:kw("case",beforeExpr),_catch:kw("catch"),_continue:kw("continue"),_debugger:kw("debugge\
r"),_default:kw("default",beforeExpr),_do:kw("do",{isLoop:true,beforeExpr:true}),_else:kw("else",beforeExpr),_finally:kw(
"finally"),_for:kw("for",{isLoop:true}),_function:kw("function",startsExpr),_if:kw("if"),_return:kw("return",beforeExpr),
_switch:kw("switch"),_throw:kw("throw",beforeExpr),_try:kw("try"),_var:kw("var"),_const:kw("const"),_while:kw("while",{isLoop:true}),
_with:kw("with"),_new:kw("new",{beforeExpr:true,startsExpr:true}),_this:kw("this",startsExpr),_super:kw("super",startsExpr),
_class:kw("class",startsExpr),_extends:kw("extends",beforeExpr),_export:kw("export"),_import:kw("import",startsExpr),_null:kw(
"null",startsExpr),_true:kw("true",startsExpr),_false:kw("false",startsExpr),_in:kw("in",{beforeExpr:true,binop:7}),_instanceof:kw(
"instanceof",{beforeExpr:true,binop:7}),_typeof:kw("typeof",{beforeExpr:true,prefix:true,startsExpr:true}),_void:kw("voi\
d",{beforeExpr:true,prefix:true,startsExpr:true}),_delete:kw("delete",{beforeExpr:true,prefix:true,startsExpr:true})};var lineBreak=/\r\n?|\n|\u2028|\u2029/;
var lineBreakG=new RegExp(lineBreak.source,"g");function isNewLine(code){return code===10||code===13||code===8232||code===
8233}function nextLineBreak(code,from,end){if(end===void 0)end=code.length;for(var i2=from;i2<end;i2++){var next=code.charCodeAt(
i2);if(isNewLine(next)){return i2<end-1&&next===13&&code.charCodeAt(i2+1)===10?i2+2:i2+1}}return-1}var nonASCIIwhitespace=/[\u1680\u2000-\u200a\u202f\u205f\u3000\ufeff]/;
var skipWhiteSpace=/(?:\s|\/\/.*|\/\*[^]*?\*\/)*/g;var ref=Object.prototype;var hasOwnProperty=ref.hasOwnProperty;var toString=ref.
toString;var hasOwn=Object.hasOwn||(function(obj,propName){return hasOwnProperty.call(obj,propName)});var isArray=Array.
isArray||(function(obj){return toString.call(obj)==="[object Array]"});var regexpCache=Object.create(null);function wordsRegexp(words){
return regexpCache[words]||(regexpCache[words]=new RegExp("^(?:"+words.replace(/ /g,"|")+")$"))}function codePointToString(code){
if(code<=65535){return String.fromCharCode(code)}code-=65536;return String.fromCharCode((code>>10)+55296,(code&1023)+56320)}
var loneSurrogate=/(?:[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?:[^\uD800-\uDBFF]|^)[\uDC00-\uDFFF])/;var Position=function Position2(line,col){
this.line=line;this.column=col};Position.prototype.offset=function offset(n){return new Position(this.line,this.column+n)};
var SourceLocation=function SourceLocation2(p,start,end){this.start=start;this.end=end;if(p.sourceFile!==null){this.source=
p.sourceFile}};function getLineInfo(input,offset2){for(var line=1,cur=0;;){var nextBreak=nextLineBreak(input,cur,offset2);
if(nextBreak<0){return new Position(line,offset2-cur)}++line;cur=nextBreak}}var defaultOptions={ecmaVersion:null,sourceType:"\
script",strict:false,onInsertedSemicolon:null,onTrailingComma:null,allowReserved:null,allowReturnOutsideFunction:false,allowImportExportEverywhere:false,
allowAwaitOutsideFunction:null,allowSuperOutsideMethod:null,allowHashBang:false,checkPrivateFields:true,locations:false,
startLocation:null,onToken:null,onComment:null,ranges:false,program:null,sourceFile:null,directSourceFile:null,preserveParens:false};
var warnedAboutEcmaVersion=false;function getOptions(opts){var options={};for(var opt in defaultOptions){options[opt]=opts&&
hasOwn(opts,opt)?opts[opt]:defaultOptions[opt]}if(options.ecmaVersion==="latest"){options.ecmaVersion=1e8}else if(options.
ecmaVersion==null){if(!warnedAboutEcmaVersion&&typeof console==="object"&&console.warn){warnedAboutEcmaVersion=true;console.
warn("Since Acorn 8.0.0, options.ecmaVersion is required.\nDefaulting to 2020, but this will stop working in the future.")}
options.ecmaVersion=11}else if(options.ecmaVersion>=2015){options.ecmaVersion-=2009}if(options.allowReserved==null){options.
allowReserved=options.ecmaVersion<5}if(!opts||opts.allowHashBang==null){options.allowHashBang=options.ecmaVersion>=14}if(isArray(
options.onToken)){var tokens=options.onToken;options.onToken=function(token){return tokens.push(token)}}if(isArray(options.
onComment)){options.onComment=pushComment(options,options.onComment)}if(options.sourceType==="commonjs"&&options.allowAwaitOutsideFunction){
throw new Error("Cannot use allowAwaitOutsideFunction with sourceType: commonjs")}return options}function pushComment(options,array){
return function(block,text,start,end,startLoc,endLoc){var comment={type:block?"Block":"Line",value:text,start,end};if(options.
locations){comment.loc=new SourceLocation(this,startLoc,endLoc)}if(options.ranges){comment.range=[start,end]}array.push(
comment)}}var SCOPE_TOP=1;var SCOPE_FUNCTION=2;var SCOPE_ASYNC=4;var SCOPE_GENERATOR=8;var SCOPE_ARROW=16;var SCOPE_SIMPLE_CATCH=32;
var SCOPE_SUPER=64;var SCOPE_DIRECT_SUPER=128;var SCOPE_CLASS_STATIC_BLOCK=256;var SCOPE_CLASS_FIELD_INIT=512;var SCOPE_SWITCH=1024;
var SCOPE_VAR=SCOPE_TOP|SCOPE_FUNCTION|SCOPE_CLASS_STATIC_BLOCK;function functionFlags(async,generator){return SCOPE_FUNCTION|
(async?SCOPE_ASYNC:0)|(generator?SCOPE_GENERATOR:0)}var BIND_NONE=0;var BIND_VAR=1;var BIND_LEXICAL=2;var BIND_FUNCTION=3;
var BIND_SIMPLE_CATCH=4;var BIND_OUTSIDE=5;var Parser=function Parser2(options,input,startPos){this.options=options=getOptions(
options);this.sourceFile=options.sourceFile;this.keywords=wordsRegexp(keywords$1[options.ecmaVersion>=6?6:options.sourceType===
"module"?"5module":5]);var reserved="";if(options.allowReserved!==true){reserved=reservedWords[options.ecmaVersion>=6?6:
options.ecmaVersion===5?5:3];if(options.sourceType==="module"){reserved+=" await"}}this.reservedWords=wordsRegexp(reserved);
var reservedStrict=(reserved?reserved+" ":"")+reservedWords.strict;this.reservedWordsStrict=wordsRegexp(reservedStrict);
this.reservedWordsStrictBind=wordsRegexp(reservedStrict+" "+reservedWords.strictBind);this.input=String(input);this.containsEsc=
false;this.pos=startPos||0;this.curLine=1;if(options.startLocation){this.lineStart=this.pos-options.startLocation.column;
this.curLine=options.startLocation.line}else if(startPos){this.lineStart=this.input.lastIndexOf("\n",startPos-1)+1;if(this.
options.locations){this.curLine=this.input.slice(0,this.lineStart).split(lineBreak).length}}else{this.lineStart=0}this.type=
types$1.eof;this.value=null;this.start=this.end=this.pos;this.startLoc=this.endLoc=this.curPosition();this.lastTokEndLoc=
this.lastTokStartLoc=null;this.lastTokStart=this.lastTokEnd=this.pos;this.context=this.initialContext();this.exprAllowed=
true;this.inModule=options.sourceType==="module";this.strict=this.inModule||options.strict===true||this.strictDirective(
this.pos);this.potentialArrowAt=-1;this.potentialArrowInForAwait=false;this.yieldPos=this.awaitPos=this.awaitIdentPos=0;
this.labels=[];this.undefinedExports=Object.create(null);if(this.pos===0&&options.allowHashBang&&this.input.slice(0,2)===
"#!"){this.skipLineComment(2)}this.scopeStack=[];this.enterScope(this.options.sourceType==="commonjs"?SCOPE_FUNCTION:SCOPE_TOP);
this.regexpState=null;this.privateNameStack=[]};var prototypeAccessors={inFunction:{configurable:true},inGenerator:{configurable:true},
inAsync:{configurable:true},canAwait:{configurable:true},allowReturn:{configurable:true},allowSuper:{configurable:true},
allowDirectSuper:{configurable:true},treatFunctionsAsVar:{configurable:true},allowNewDotTarget:{configurable:true},allowUsing:{
configurable:true},inClassStaticBlock:{configurable:true}};Parser.prototype.parse=function parse(){var this$1$1=this;var node=this.
options.program||this.startNode();this.nextToken();return this.catchStackOverflow(function(){return this$1$1.parseTopLevel(
node)})};prototypeAccessors.inFunction.get=function(){return(this.currentVarScope().flags&SCOPE_FUNCTION)>0};prototypeAccessors.
inGenerator.get=function(){return(this.currentVarScope().flags&SCOPE_GENERATOR)>0};prototypeAccessors.inAsync.get=function(){
return(this.currentVarScope().flags&SCOPE_ASYNC)>0};prototypeAccessors.canAwait.get=function(){for(var i2=this.scopeStack.
length-1;i2>=0;i2--){var ref2=this.scopeStack[i2];var flags=ref2.flags;if(flags&(SCOPE_CLASS_STATIC_BLOCK|SCOPE_CLASS_FIELD_INIT)){
return false}if(flags&SCOPE_FUNCTION){return(flags&SCOPE_ASYNC)>0}}return this.inModule&&this.options.ecmaVersion>=13||this.
options.allowAwaitOutsideFunction};prototypeAccessors.allowReturn.get=function(){if(this.inFunction){return true}if(this.
options.allowReturnOutsideFunction&&this.currentVarScope().flags&SCOPE_TOP){return true}return false};prototypeAccessors.
allowSuper.get=function(){var ref2=this.currentThisScope();var flags=ref2.flags;return(flags&SCOPE_SUPER)>0||this.options.
allowSuperOutsideMethod};prototypeAccessors.allowDirectSuper.get=function(){return(this.currentThisScope().flags&SCOPE_DIRECT_SUPER)>
0};prototypeAccessors.treatFunctionsAsVar.get=function(){return this.treatFunctionsAsVarInScope(this.currentScope())};prototypeAccessors.
allowNewDotTarget.get=function(){for(var i2=this.scopeStack.length-1;i2>=0;i2--){var ref2=this.scopeStack[i2];var flags=ref2.
flags;if(flags&(SCOPE_CLASS_STATIC_BLOCK|SCOPE_CLASS_FIELD_INIT)||flags&SCOPE_FUNCTION&&!(flags&SCOPE_ARROW)){return true}}
return false};prototypeAccessors.allowUsing.get=function(){var ref2=this.currentScope();var flags=ref2.flags;if(flags&SCOPE_SWITCH){
return false}if(!this.inModule&&flags&SCOPE_TOP){return false}return true};prototypeAccessors.inClassStaticBlock.get=function(){
return(this.currentVarScope().flags&SCOPE_CLASS_STATIC_BLOCK)>0};Parser.extend=function extend(){var plugins=[],len=arguments.
length;while(len--)plugins[len]=arguments[len];var cls=this;for(var i2=0;i2<plugins.length;i2++){cls=plugins[i2](cls)}return cls};
Parser.parse=function parse2(input,options){return new this(options,input).parse()};Parser.parseExpressionAt=function parseExpressionAt(input,pos,options){
var parser=new this(options,input,pos);parser.nextToken();return parser.parseExpression()};Parser.tokenizer=function tokenizer(input,options){
return new this(options,input)};Object.defineProperties(Parser.prototype,prototypeAccessors);var pp$9=Parser.prototype;var literal=/^(?:'((?:\\[^]|[^'\\])*?)'|"((?:\\[^]|[^"\\])*?)")/;
pp$9.strictDirective=function(start){if(this.options.ecmaVersion<5){return false}for(;;){skipWhiteSpace.lastIndex=start;
start+=skipWhiteSpace.exec(this.input)[0].length;var match=literal.exec(this.input.slice(start));if(!match){return false}
if((match[1]||match[2])==="use strict"){skipWhiteSpace.lastIndex=start+match[0].length;var spaceAfter=skipWhiteSpace.exec(
this.input),end=spaceAfter.index+spaceAfter[0].length;var next=this.input.charAt(end);return next===";"||next==="}"||lineBreak.
test(spaceAfter[0])&&!(/[(`.[+\-/*%<>=,?^&]/.test(next)||next==="!"&&this.input.charAt(end+1)==="="||next==="i"&&keywordOpAt(
this,end))}start+=match[0].length;skipWhiteSpace.lastIndex=start;start+=skipWhiteSpace.exec(this.input)[0].length;if(this.
input[start]===";"){start++}}};function keywordOpAt(parser,pos){var end=pos+1,stop=Math.min(parser.input.length,pos+11);
while(end<stop){var ch=parser.fullCharCodeAt(end);if(!isIdentifierChar(ch,true)){break}end+=ch<=65535?1:2}return end===pos+
2&&parser.input.slice(pos,end)==="in"||end===pos+10&&parser.input.slice(pos,end)==="instanceof"}pp$9.eat=function(type){
if(this.type===type){this.next();return true}else{return false}};pp$9.isContextual=function(name){return this.type===types$1.
name&&this.value===name&&!this.containsEsc};pp$9.eatContextual=function(name){if(!this.isContextual(name)){return false}
this.next();return true};pp$9.catchStackOverflow=function(f){try{return f()}catch(e){if(e instanceof Error&&(/\bstack\b.*\b(exceeded|overflow)\b/i.
test(e.message)||/\btoo much recursion\b/i.test(e.message))){this.raise(this.start,"Not enough stack space to parse inpu\
t")}else{throw e}}};pp$9.expectContextual=function(name){if(!this.eatContextual(name)){this.unexpected()}};pp$9.canInsertSemicolon=
function(){return this.type===types$1.eof||this.type===types$1.braceR||lineBreak.test(this.input.slice(this.lastTokEnd,this.
start))};pp$9.insertSemicolon=function(){if(this.canInsertSemicolon()){if(this.options.onInsertedSemicolon){this.options.
onInsertedSemicolon(this.lastTokEnd,this.lastTokEndLoc)}return true}};pp$9.semicolon=function(){if(!this.eat(types$1.semi)&&
!this.insertSemicolon()){this.unexpected()}};pp$9.afterTrailingComma=function(tokType,notNext){if(this.type===tokType){if(this.
options.onTrailingComma){this.options.onTrailingComma(this.lastTokStart,this.lastTokStartLoc)}if(!notNext){this.next()}return true}};
pp$9.expect=function(type){this.eat(type)||this.unexpected()};pp$9.unexpected=function(pos){this.raise(pos!=null?pos:this.
start,"Unexpected token")};var DestructuringErrors=function DestructuringErrors2(){this.shorthandAssign=this.trailingComma=
this.parenthesizedAssign=this.parenthesizedBind=this.doubleProto=-1};pp$9.checkPatternErrors=function(refDestructuringErrors,isAssign){
if(!refDestructuringErrors){return}if(refDestructuringErrors.trailingComma>-1){this.raiseRecoverable(refDestructuringErrors.
trailingComma,"Comma is not permitted after the rest element")}var parens=isAssign?refDestructuringErrors.parenthesizedAssign:
refDestructuringErrors.parenthesizedBind;if(parens>-1){this.raiseRecoverable(parens,isAssign?"Assigning to rvalue":"Pare\
nthesized pattern")}};pp$9.checkExpressionErrors=function(refDestructuringErrors,andThrow){if(!refDestructuringErrors){return false}
var shorthandAssign=refDestructuringErrors.shorthandAssign;var doubleProto=refDestructuringErrors.doubleProto;if(!andThrow){
return shorthandAssign>=0||doubleProto>=0}if(shorthandAssign>=0){this.raise(shorthandAssign,"Shorthand property assignme\
nts are valid only in destructuring patterns")}if(doubleProto>=0){this.raiseRecoverable(doubleProto,"Redefinition of __p\
roto__ property")}};pp$9.checkYieldAwaitInDefaultParams=function(){if(this.yieldPos&&(!this.awaitPos||this.yieldPos<this.
awaitPos)){this.raise(this.yieldPos,"Yield expression cannot be a default value")}if(this.awaitPos){this.raise(this.awaitPos,
"Await expression cannot be a default value")}};pp$9.isSimpleAssignTarget=function(expr){if(expr.type==="ParenthesizedEx\
pression"){return this.isSimpleAssignTarget(expr.expression)}return expr.type==="Identifier"||expr.type==="MemberExpress\
ion"};var pp$8=Parser.prototype;pp$8.parseTopLevel=function(node){var exports$1=Object.create(null);if(!node.body){node.
body=[]}while(this.type!==types$1.eof){var stmt=this.parseStatement(null,true,exports$1);node.body.push(stmt)}if(this.inModule){
for(var i2=0,list2=Object.keys(this.undefinedExports);i2<list2.length;i2+=1){var name=list2[i2];this.raiseRecoverable(this.
undefinedExports[name].start,"Export '"+name+"' is not defined")}}this.adaptDirectivePrologue(node.body);this.next();node.
sourceType=this.options.sourceType==="commonjs"?"script":this.options.sourceType;return this.finishNode(node,"Program")};
var loopLabel={kind:"loop"};var switchLabel={kind:"switch"};pp$8.isLet=function(context){if(this.options.ecmaVersion<6||
!this.isContextual("let")){return false}skipWhiteSpace.lastIndex=this.pos;var skip=skipWhiteSpace.exec(this.input);var next=this.
pos+skip[0].length,nextCh=this.fullCharCodeAt(next);if(nextCh===91||nextCh===92){return true}if(context){return false}if(nextCh===
123){return true}if(isIdentifierStart(nextCh)){var start=next;do{next+=nextCh<=65535?1:2}while(isIdentifierChar(nextCh=this.
fullCharCodeAt(next)));if(nextCh===92){return true}var ident=this.input.slice(start,next);if(!keywordRelationalOperator.
test(ident)){return true}}return false};pp$8.isAsyncFunction=function(){if(this.options.ecmaVersion<8||!this.isContextual(
"async")){return false}skipWhiteSpace.lastIndex=this.pos;var skip=skipWhiteSpace.exec(this.input);var next=this.pos+skip[0].
length,after;return!lineBreak.test(this.input.slice(this.pos,next))&&this.input.slice(next,next+8)==="function"&&(next+8===
this.input.length||!(isIdentifierChar(after=this.fullCharCodeAt(next+8))||after===92))};pp$8.isUsingKeyword=function(isAwaitUsing,isFor){
if(this.options.ecmaVersion<17||!this.isContextual(isAwaitUsing?"await":"using")){return false}skipWhiteSpace.lastIndex=
this.pos;var skip=skipWhiteSpace.exec(this.input);var next=this.pos+skip[0].length;if(lineBreak.test(this.input.slice(this.
pos,next))){return false}if(isAwaitUsing){var usingEndPos=next+5,after;if(this.input.slice(next,usingEndPos)!=="using"||
usingEndPos===this.input.length||isIdentifierChar(after=this.fullCharCodeAt(usingEndPos))||after===92){return false}skipWhiteSpace.
lastIndex=usingEndPos;var skipAfterUsing=skipWhiteSpace.exec(this.input);next=usingEndPos+skipAfterUsing[0].length;if(skipAfterUsing&&
lineBreak.test(this.input.slice(usingEndPos,next))){return false}}var ch=this.fullCharCodeAt(next);if(!isIdentifierStart(
ch)&&ch!==92){return false}var idStart=next;do{next+=ch<=65535?1:2}while(isIdentifierChar(ch=this.fullCharCodeAt(next)));
if(ch===92){return true}var id=this.input.slice(idStart,next);if(keywordRelationalOperator.test(id)){return false}if(isFor&&
!isAwaitUsing&&id==="of"){skipWhiteSpace.lastIndex=next;var skipAfterOf=skipWhiteSpace.exec(this.input);next=next+skipAfterOf[0].
length;if(this.input.charCodeAt(next)!==61||(ch=this.input.charCodeAt(next+1))===61||ch===62){return false}}return true};
pp$8.isAwaitUsing=function(isFor){return this.isUsingKeyword(true,isFor)};pp$8.isUsing=function(isFor){return this.isUsingKeyword(
false,isFor)};pp$8.parseStatement=function(context,topLevel,exports$1){var starttype=this.type,node=this.startNode(),kind;
if(this.isLet(context)){starttype=types$1._var;kind="let"}switch(starttype){case types$1._break:case types$1._continue:return this.
parseBreakContinueStatement(node,starttype.keyword);case types$1._debugger:return this.parseDebuggerStatement(node);case types$1.
_do:return this.parseDoStatement(node);case types$1._for:return this.parseForStatement(node);case types$1._function:if(context&&
(this.strict||context!=="if"&&context!=="label")&&this.options.ecmaVersion>=6){this.unexpected()}return this.parseFunctionStatement(
node,false,!context);case types$1._class:if(context){this.unexpected()}return this.parseClass(node,true);case types$1._if:
return this.parseIfStatement(node);case types$1._return:return this.parseReturnStatement(node);case types$1._switch:return this.
parseSwitchStatement(node);case types$1._throw:return this.parseThrowStatement(node);case types$1._try:return this.parseTryStatement(
node);case types$1._const:case types$1._var:kind=kind||this.value;if(context&&kind!=="var"){this.unexpected()}return this.
parseVarStatement(node,kind);case types$1._while:return this.parseWhileStatement(node);case types$1._with:return this.parseWithStatement(
node);case types$1.braceL:return this.parseBlock(true,node);case types$1.semi:return this.parseEmptyStatement(node);case types$1.
_export:case types$1._import:if(this.options.ecmaVersion>10&&starttype===types$1._import){skipWhiteSpace.lastIndex=this.
pos;var skip=skipWhiteSpace.exec(this.input);var next=this.pos+skip[0].length,nextCh=this.input.charCodeAt(next);if(nextCh===
40||nextCh===46){return this.parseExpressionStatement(node,this.parseExpression())}}if(!this.options.allowImportExportEverywhere){
if(!topLevel){this.raise(this.start,"'import' and 'export' may only appear at the top level")}if(!this.inModule){this.raise(
this.start,"'import' and 'export' may appear only with 'sourceType: module'")}}return starttype===types$1._import?this.parseImport(
node):this.parseExport(node,exports$1);default:if(this.isAsyncFunction()){if(context){this.unexpected()}this.next();return this.
parseFunctionStatement(node,true,!context)}var usingKind=this.isAwaitUsing(false)?"await using":this.isUsing(false)?"usi\
ng":null;if(usingKind){if(!this.allowUsing){this.raise(this.start,"Using declaration cannot appear in the top level when\
 source type is `script` or in the bare case statement")}if(context){this.raise(this.start,"Using declaration is not all\
owed in single-statement positions")}if(usingKind==="await using"){if(!this.canAwait){this.raise(this.start,"Await using\
 cannot appear outside of async function")}this.next()}this.next();this.parseVar(node,false,usingKind);this.semicolon();
return this.finishNode(node,"VariableDeclaration")}var maybeName=this.value,expr=this.parseExpression();if(starttype===types$1.
name&&expr.type==="Identifier"&&this.eat(types$1.colon)){return this.parseLabeledStatement(node,maybeName,expr,context)}else{
return this.parseExpressionStatement(node,expr)}}};pp$8.parseBreakContinueStatement=function(node,keyword){var isBreak=keyword===
"break";this.next();if(this.eat(types$1.semi)||this.insertSemicolon()){node.label=null}else if(this.type!==types$1.name){
this.unexpected()}else{node.label=this.parseIdent();this.semicolon()}var i2=0;for(;i2<this.labels.length;++i2){var lab=this.
labels[i2];if(node.label==null||lab.name===node.label.name){if(lab.kind!=null&&(isBreak||lab.kind==="loop")){break}if(node.
label&&isBreak){break}}}if(i2===this.labels.length){this.raise(node.start,"Unsyntactic "+keyword)}return this.finishNode(
node,isBreak?"BreakStatement":"ContinueStatement")};pp$8.parseDebuggerStatement=function(node){this.next();this.semicolon();
return this.finishNode(node,"DebuggerStatement")};pp$8.parseDoStatement=function(node){this.next();this.labels.push(loopLabel);
node.body=this.parseStatement("do");this.labels.pop();this.expect(types$1._while);node.test=this.parseParenExpression();
if(this.options.ecmaVersion>=6){this.eat(types$1.semi)}else{this.semicolon()}return this.finishNode(node,"DoWhileStateme\
nt")};pp$8.parseForStatement=function(node){this.next();var awaitAt=this.options.ecmaVersion>=9&&this.canAwait&&this.eatContextual(
"await")?this.lastTokStart:-1;this.labels.push(loopLabel);this.enterScope(0);this.expect(types$1.parenL);if(this.type===
types$1.semi){if(awaitAt>-1){this.unexpected(awaitAt)}return this.parseFor(node,null)}var isLet=this.isLet();if(this.type===
types$1._var||this.type===types$1._const||isLet){var init$1=this.startNode(),kind=isLet?"let":this.value;this.next();this.
parseVar(init$1,true,kind);this.finishNode(init$1,"VariableDeclaration");return this.parseForAfterInit(node,init$1,awaitAt)}
var startsWithLet=this.isContextual("let"),isForOf=false;var usingKind=this.isUsing(true)?"using":this.isAwaitUsing(true)?
"await using":null;if(usingKind){var init$2=this.startNode();this.next();if(usingKind==="await using"){if(!this.canAwait){
this.raise(this.start,"Await using cannot appear outside of async function")}this.next()}this.parseVar(init$2,true,usingKind);
this.finishNode(init$2,"VariableDeclaration");return this.parseForAfterInit(node,init$2,awaitAt)}var containsEsc=this.containsEsc;
var refDestructuringErrors=new DestructuringErrors;var initPos=this.start;var init=awaitAt>-1?this.parseExprSubscripts(refDestructuringErrors,
"await"):this.parseExpression(true,refDestructuringErrors);if(this.type===types$1._in||(isForOf=this.options.ecmaVersion>=
6&&this.isContextual("of"))){if(awaitAt>-1){if(this.type===types$1._in){this.unexpected(awaitAt)}node.await=true}else if(isForOf&&
this.options.ecmaVersion>=8){if(init.start===initPos&&!containsEsc&&init.type==="Identifier"&&init.name==="async"){this.
unexpected()}else if(this.options.ecmaVersion>=9){node.await=false}}if(startsWithLet&&isForOf){this.raise(init.start,"Th\
e left-hand side of a for-of loop may not start with 'let'.")}this.toAssignable(init,false,refDestructuringErrors);this.
checkLValPattern(init);return this.parseForIn(node,init)}else{this.checkExpressionErrors(refDestructuringErrors,true)}if(awaitAt>
-1){this.unexpected(awaitAt)}return this.parseFor(node,init)};pp$8.parseForAfterInit=function(node,init,awaitAt){if((this.
type===types$1._in||this.options.ecmaVersion>=6&&this.isContextual("of"))&&init.declarations.length===1){if(this.type===
types$1._in){if((init.kind==="using"||init.kind==="await using")&&!init.declarations[0].init){this.raise(this.start,"Usi\
ng declaration is not allowed in for-in loops")}if(this.options.ecmaVersion>=9&&awaitAt>-1){this.unexpected(awaitAt)}}else if(this.
options.ecmaVersion>=9){node.await=awaitAt>-1}return this.parseForIn(node,init)}if(awaitAt>-1){this.unexpected(awaitAt)}
return this.parseFor(node,init)};pp$8.parseFunctionStatement=function(node,isAsync,declarationPosition){this.next();return this.
parseFunction(node,FUNC_STATEMENT|(declarationPosition?0:FUNC_HANGING_STATEMENT),false,isAsync)};pp$8.parseIfStatement=function(node){
this.next();node.test=this.parseParenExpression();node.consequent=this.parseStatement("if");node.alternate=this.eat(types$1.
_else)?this.parseStatement("if"):null;return this.finishNode(node,"IfStatement")};pp$8.parseReturnStatement=function(node){
if(!this.allowReturn){this.raise(this.start,"'return' outside of function")}this.next();if(this.eat(types$1.semi)||this.
insertSemicolon()){node.argument=null}else{node.argument=this.parseExpression();this.semicolon()}return this.finishNode(
node,"ReturnStatement")};pp$8.parseSwitchStatement=function(node){this.next();node.discriminant=this.parseParenExpression();
node.cases=[];this.expect(types$1.braceL);this.labels.push(switchLabel);this.enterScope(SCOPE_SWITCH);var cur;for(var sawDefault=false;this.
type!==types$1.braceR;){if(this.type===types$1._case||this.type===types$1._default){var isCase=this.type===types$1._case;
if(cur){this.finishNode(cur,"SwitchCase")}node.cases.push(cur=this.startNode());cur.consequent=[];this.next();if(isCase){
cur.test=this.parseExpression()}else{if(sawDefault){this.raiseRecoverable(this.lastTokStart,"Multiple default clauses")}
sawDefault=true;cur.test=null}this.expect(types$1.colon)}else{if(!cur){this.unexpected()}cur.consequent.push(this.parseStatement(
null))}}this.exitScope();if(cur){this.finishNode(cur,"SwitchCase")}this.next();this.labels.pop();return this.finishNode(
node,"SwitchStatement")};pp$8.parseThrowStatement=function(node){this.next();if(lineBreak.test(this.input.slice(this.lastTokEnd,
this.start))){this.raise(this.lastTokEnd,"Illegal newline after throw")}node.argument=this.parseExpression();this.semicolon();
return this.finishNode(node,"ThrowStatement")};var empty$1=[];pp$8.parseCatchClauseParam=function(){var param=this.parseBindingAtom();
var simple=param.type==="Identifier";this.enterScope(simple?SCOPE_SIMPLE_CATCH:0);this.checkLValPattern(param,simple?BIND_SIMPLE_CATCH:
BIND_LEXICAL);this.expect(types$1.parenR);return param};pp$8.parseTryStatement=function(node){this.next();node.block=this.
parseBlock();node.handler=null;if(this.type===types$1._catch){var clause=this.startNode();this.next();if(this.eat(types$1.
parenL)){clause.param=this.parseCatchClauseParam()}else{if(this.options.ecmaVersion<10){this.unexpected()}clause.param=null;
this.enterScope(0)}clause.body=this.parseBlock(false);this.exitScope();node.handler=this.finishNode(clause,"CatchClause")}
node.finalizer=this.eat(types$1._finally)?this.parseBlock():null;if(!node.handler&&!node.finalizer){this.raise(node.start,
"Missing catch or finally clause")}return this.finishNode(node,"TryStatement")};pp$8.parseVarStatement=function(node,kind,allowMissingInitializer){
this.next();this.parseVar(node,false,kind,allowMissingInitializer);this.semicolon();return this.finishNode(node,"Variabl\
eDeclaration")};pp$8.parseWhileStatement=function(node){this.next();node.test=this.parseParenExpression();this.labels.push(
loopLabel);node.body=this.parseStatement("while");this.labels.pop();return this.finishNode(node,"WhileStatement")};pp$8.
parseWithStatement=function(node){if(this.strict){this.raise(this.start,"'with' in strict mode")}this.next();node.object=
this.parseParenExpression();node.body=this.parseStatement("with");return this.finishNode(node,"WithStatement")};pp$8.parseEmptyStatement=
function(node){this.next();return this.finishNode(node,"EmptyStatement")};pp$8.parseLabeledStatement=function(node,maybeName,expr,context){
for(var i$1=0,list2=this.labels;i$1<list2.length;i$1+=1){var label=list2[i$1];if(label.name===maybeName){this.raise(expr.
start,"Label '"+maybeName+"' is already declared")}}var kind=this.type.isLoop?"loop":this.type===types$1._switch?"switch":
null;for(var i2=this.labels.length-1;i2>=0;i2--){var label$1=this.labels[i2];if(label$1.statementStart===node.start){label$1.
statementStart=this.start;label$1.kind=kind}else{break}}this.labels.push({name:maybeName,kind,statementStart:this.start});
node.body=this.parseStatement(context?context.indexOf("label")===-1?context+"label":context:"label");this.labels.pop();node.
label=expr;return this.finishNode(node,"LabeledStatement")};pp$8.parseExpressionStatement=function(node,expr){node.expression=
expr;this.semicolon();return this.finishNode(node,"ExpressionStatement")};pp$8.parseBlock=function(createNewLexicalScope,node,exitStrict){
if(createNewLexicalScope===void 0)createNewLexicalScope=true;if(node===void 0)node=this.startNode();node.body=[];this.expect(
types$1.braceL);if(createNewLexicalScope){this.enterScope(0)}while(this.type!==types$1.braceR){var stmt=this.parseStatement(
null);node.body.push(stmt)}if(exitStrict){this.strict=false}this.next();if(createNewLexicalScope){this.exitScope()}return this.
finishNode(node,"BlockStatement")};pp$8.parseFor=function(node,init){node.init=init;this.expect(types$1.semi);node.test=
this.type===types$1.semi?null:this.parseExpression();this.expect(types$1.semi);node.update=this.type===types$1.parenR?null:
this.parseExpression();this.expect(types$1.parenR);node.body=this.parseStatement("for");this.exitScope();this.labels.pop();
return this.finishNode(node,"ForStatement")};pp$8.parseForIn=function(node,init){var isForIn=this.type===types$1._in;this.
next();if(init.type==="VariableDeclaration"&&init.declarations[0].init!=null&&(!isForIn||this.options.ecmaVersion<8||this.
strict||init.kind!=="var"||init.declarations[0].id.type!=="Identifier")){this.raise(init.start,(isForIn?"for-in":"for-of")+
" loop variable declaration may not have an initializer")}node.left=init;node.right=isForIn?this.parseExpression():this.
parseMaybeAssign();this.expect(types$1.parenR);node.body=this.parseStatement("for");this.exitScope();this.labels.pop();return this.
finishNode(node,isForIn?"ForInStatement":"ForOfStatement")};pp$8.parseVar=function(node,isFor,kind,allowMissingInitializer){
node.declarations=[];node.kind=kind;for(;;){var decl=this.startNode();this.parseVarId(decl,kind);if(this.eat(types$1.eq)){
decl.init=this.parseMaybeAssign(isFor)}else if(!allowMissingInitializer&&kind==="const"&&!(this.type===types$1._in||this.
options.ecmaVersion>=6&&this.isContextual("of"))){this.unexpected()}else if(!allowMissingInitializer&&(kind==="using"||kind===
"await using")&&this.options.ecmaVersion>=17&&this.type!==types$1._in&&!this.isContextual("of")){this.raise(this.lastTokEnd,
"Missing initializer in "+kind+" declaration")}else if(!allowMissingInitializer&&decl.id.type!=="Identifier"&&!(isFor&&(this.
type===types$1._in||this.isContextual("of")))){this.raise(this.lastTokEnd,"Complex binding patterns require an initializ\
ation value")}else{decl.init=null}node.declarations.push(this.finishNode(decl,"VariableDeclarator"));if(!this.eat(types$1.
comma)){break}}return node};pp$8.parseVarId=function(decl,kind){decl.id=kind==="using"||kind==="await using"?this.parseIdent():
this.parseBindingAtom();this.checkLValPattern(decl.id,kind==="var"?BIND_VAR:BIND_LEXICAL,false)};var FUNC_STATEMENT=1;var FUNC_HANGING_STATEMENT=2;
var FUNC_NULLABLE_ID=4;pp$8.parseFunction=function(node,statement,allowExpressionBody,isAsync,forInit){this.initFunction(
node);if(this.options.ecmaVersion>=9||this.options.ecmaVersion>=6&&!isAsync){if(this.type===types$1.star&&statement&FUNC_HANGING_STATEMENT){
this.unexpected()}node.generator=this.eat(types$1.star)}if(this.options.ecmaVersion>=8){node.async=!!isAsync}if(statement&
FUNC_STATEMENT){node.id=statement&FUNC_NULLABLE_ID&&this.type!==types$1.name?null:this.parseIdent();if(node.id&&!(statement&
FUNC_HANGING_STATEMENT)){this.checkLValSimple(node.id,this.strict||node.generator||node.async?this.treatFunctionsAsVar?BIND_VAR:
BIND_LEXICAL:BIND_FUNCTION)}}var oldYieldPos=this.yieldPos,oldAwaitPos=this.awaitPos,oldAwaitIdentPos=this.awaitIdentPos;
this.yieldPos=0;this.awaitPos=0;this.awaitIdentPos=0;this.enterScope(functionFlags(node.async,node.generator));if(!(statement&
FUNC_STATEMENT)){node.id=this.type===types$1.name?this.parseIdent():null}this.parseFunctionParams(node);this.parseFunctionBody(
node,allowExpressionBody,false,forInit);this.yieldPos=oldYieldPos;this.awaitPos=oldAwaitPos;this.awaitIdentPos=oldAwaitIdentPos;
return this.finishNode(node,statement&FUNC_STATEMENT?"FunctionDeclaration":"FunctionExpression")};pp$8.parseFunctionParams=
function(node){this.expect(types$1.parenL);node.params=this.parseBindingList(types$1.parenR,false,this.options.ecmaVersion>=
8);this.checkYieldAwaitInDefaultParams()};pp$8.parseClass=function(node,isStatement){this.next();var oldStrict=this.strict;
this.strict=true;this.parseClassId(node,isStatement);this.parseClassSuper(node);var privateNameMap=this.enterClassBody();
var classBody=this.startNode();var hadConstructor=false;classBody.body=[];this.expect(types$1.braceL);while(this.type!==
types$1.braceR){var element=this.parseClassElement(node.superClass!==null);if(element){classBody.body.push(element);if(element.
type==="MethodDefinition"&&element.kind==="constructor"){if(hadConstructor){this.raiseRecoverable(element.start,"Duplica\
te constructor in the same class")}hadConstructor=true}else if(element.key&&element.key.type==="PrivateIdentifier"&&isPrivateNameConflicted(
privateNameMap,element)){this.raiseRecoverable(element.key.start,"Identifier '#"+element.key.name+"' has already been de\
clared")}}}this.strict=oldStrict;this.next();node.body=this.finishNode(classBody,"ClassBody");this.exitClassBody();return this.
finishNode(node,isStatement?"ClassDeclaration":"ClassExpression")};pp$8.parseClassElement=function(constructorAllowsSuper){
if(this.eat(types$1.semi)){return null}var ecmaVersion2=this.options.ecmaVersion;var node=this.startNode();var keyName="";
var isGenerator=false;var isAsync=false;var kind="method";var isStatic=false;if(this.eatContextual("static")){if(ecmaVersion2>=
13&&this.eat(types$1.braceL)){this.parseClassStaticBlock(node);return node}if(this.isClassElementNameStart()||this.type===
types$1.star){isStatic=true}else{keyName="static"}}node.static=isStatic;if(!keyName&&ecmaVersion2>=8&&this.eatContextual(
"async")){if((this.isClassElementNameStart()||this.type===types$1.star)&&!this.canInsertSemicolon()){isAsync=true}else{keyName=
"async"}}if(!keyName&&(ecmaVersion2>=9||!isAsync)&&this.eat(types$1.star)){isGenerator=true}if(!keyName&&!isAsync&&!isGenerator){
var lastValue=this.value;if(this.eatContextual("get")||this.eatContextual("set")){if(this.isClassElementNameStart()){kind=
lastValue}else{keyName=lastValue}}}if(keyName){node.computed=false;node.key=this.startNodeAt(this.lastTokStart,this.lastTokStartLoc);
node.key.name=keyName;this.finishNode(node.key,"Identifier")}else{this.parseClassElementName(node)}if(ecmaVersion2<13||this.
type===types$1.parenL||kind!=="method"||isGenerator||isAsync){var isConstructor=!node.static&&checkKeyName(node,"constru\
ctor");var allowsDirectSuper=isConstructor&&constructorAllowsSuper;if(isConstructor&&kind!=="method"){this.raise(node.key.
start,"Constructor can't have get/set modifier")}node.kind=isConstructor?"constructor":kind;this.parseClassMethod(node,isGenerator,
isAsync,allowsDirectSuper)}else{this.parseClassField(node)}return node};pp$8.isClassElementNameStart=function(){return this.
type===types$1.name||this.type===types$1.privateId||this.type===types$1.num||this.type===types$1.string||this.type===types$1.
bracketL||this.type.keyword};pp$8.parseClassElementName=function(element){if(this.type===types$1.privateId){if(this.value===
"constructor"){this.raise(this.start,"Classes can't have an element named '#constructor'")}element.computed=false;element.
key=this.parsePrivateIdent()}else{this.parsePropertyName(element)}};pp$8.parseClassMethod=function(method,isGenerator,isAsync,allowsDirectSuper){
var key=method.key;if(method.kind==="constructor"){if(isGenerator){this.raise(key.start,"Constructor can't be a generato\
r")}if(isAsync){this.raise(key.start,"Constructor can't be an async method")}}else if(method.static&&checkKeyName(method,
"prototype")){this.raise(key.start,"Classes may not have a static property named prototype")}var value=method.value=this.
parseMethod(isGenerator,isAsync,allowsDirectSuper);if(method.kind==="get"&&value.params.length!==0){this.raiseRecoverable(
value.start,"getter should have no params")}if(method.kind==="set"&&value.params.length!==1){this.raiseRecoverable(value.
start,"setter should have exactly one param")}if(method.kind==="set"&&value.params[0].type==="RestElement"){this.raiseRecoverable(
value.params[0].start,"Setter cannot use rest params")}return this.finishNode(method,"MethodDefinition")};pp$8.parseClassField=
function(field){if(checkKeyName(field,"constructor")){this.raise(field.key.start,"Classes can't have a field named 'cons\
tructor'")}else if(field.static&&checkKeyName(field,"prototype")){this.raise(field.key.start,"Classes can't have a stati\
c field named 'prototype'")}if(this.eat(types$1.eq)){this.enterScope(SCOPE_CLASS_FIELD_INIT|SCOPE_SUPER);field.value=this.
parseMaybeAssign();this.exitScope()}else{field.value=null}this.semicolon();return this.finishNode(field,"PropertyDefinit\
ion")};pp$8.parseClassStaticBlock=function(node){node.body=[];var oldLabels=this.labels;this.labels=[];this.enterScope(SCOPE_CLASS_STATIC_BLOCK|
SCOPE_SUPER);while(this.type!==types$1.braceR){var stmt=this.parseStatement(null);node.body.push(stmt)}this.next();this.
exitScope();this.labels=oldLabels;return this.finishNode(node,"StaticBlock")};pp$8.parseClassId=function(node,isStatement){
if(this.type===types$1.name){node.id=this.parseIdent();if(isStatement){this.checkLValSimple(node.id,BIND_LEXICAL,false)}}else{
if(isStatement===true){this.unexpected()}node.id=null}};pp$8.parseClassSuper=function(node){node.superClass=this.eat(types$1.
_extends)?this.parseExprSubscripts(null,false):null};pp$8.enterClassBody=function(){var element={declared:Object.create(
null),used:[]};this.privateNameStack.push(element);return element.declared};pp$8.exitClassBody=function(){var ref2=this.
privateNameStack.pop();var declared=ref2.declared;var used=ref2.used;if(!this.options.checkPrivateFields){return}var len=this.
privateNameStack.length;var parent=len===0?null:this.privateNameStack[len-1];for(var i2=0;i2<used.length;++i2){var id=used[i2];
if(!hasOwn(declared,id.name)){if(parent){parent.used.push(id)}else{this.raiseRecoverable(id.start,"Private field '#"+id.
name+"' must be declared in an enclosing class")}}}};function isPrivateNameConflicted(privateNameMap,element){var name=element.
key.name;var curr=privateNameMap[name];var next="true";if(element.type==="MethodDefinition"&&(element.kind==="get"||element.
kind==="set")){next=(element.static?"s":"i")+element.kind}if(curr==="iget"&&next==="iset"||curr==="iset"&&next==="iget"||
curr==="sget"&&next==="sset"||curr==="sset"&&next==="sget"){privateNameMap[name]="true";return false}else if(!curr){privateNameMap[name]=
next;return false}else{return true}}function checkKeyName(node,name){var computed=node.computed;var key=node.key;return!computed&&
(key.type==="Identifier"&&key.name===name||key.type==="Literal"&&key.value===name)}pp$8.parseExportAllDeclaration=function(node,exports$1){
if(this.options.ecmaVersion>=11){if(this.eatContextual("as")){node.exported=this.parseModuleExportName();this.checkExport(
exports$1,node.exported,this.lastTokStart)}else{node.exported=null}}this.expectContextual("from");if(this.type!==types$1.
string){this.unexpected()}node.source=this.parseExprAtom();if(this.options.ecmaVersion>=16){node.attributes=this.parseWithClause()}
this.semicolon();return this.finishNode(node,"ExportAllDeclaration")};pp$8.parseExport=function(node,exports$1){this.next();
if(this.eat(types$1.star)){return this.parseExportAllDeclaration(node,exports$1)}if(this.eat(types$1._default)){this.checkExport(
exports$1,"default",this.lastTokStart);node.declaration=this.parseExportDefaultDeclaration();return this.finishNode(node,
"ExportDefaultDeclaration")}if(this.shouldParseExportStatement()){node.declaration=this.parseExportDeclaration(node);if(node.
declaration.type==="VariableDeclaration"){this.checkVariableExport(exports$1,node.declaration.declarations)}else{this.checkExport(
exports$1,node.declaration.id,node.declaration.id.start)}node.specifiers=[];node.source=null;if(this.options.ecmaVersion>=
16){node.attributes=[]}}else{node.declaration=null;node.specifiers=this.parseExportSpecifiers(exports$1);if(this.eatContextual(
"from")){if(this.type!==types$1.string){this.unexpected()}node.source=this.parseExprAtom();if(this.options.ecmaVersion>=
16){node.attributes=this.parseWithClause()}}else{for(var i2=0,list2=node.specifiers;i2<list2.length;i2+=1){var spec=list2[i2];
this.checkUnreserved(spec.local);this.checkLocalExport(spec.local);if(spec.local.type==="Literal"){this.raise(spec.local.
start,"A string literal cannot be used as an exported binding without `from`.")}}node.source=null;if(this.options.ecmaVersion>=
16){node.attributes=[]}}this.semicolon()}return this.finishNode(node,"ExportNamedDeclaration")};pp$8.parseExportDeclaration=
function(node){return this.parseStatement(null)};pp$8.parseExportDefaultDeclaration=function(){var isAsync;if(this.type===
types$1._function||(isAsync=this.isAsyncFunction())){var fNode=this.startNode();this.next();if(isAsync){this.next()}return this.
parseFunction(fNode,FUNC_STATEMENT|FUNC_NULLABLE_ID,false,isAsync)}else if(this.type===types$1._class){var cNode=this.startNode();
return this.parseClass(cNode,"nullableID")}else{var declaration=this.parseMaybeAssign();this.semicolon();return declaration}};
pp$8.checkExport=function(exports$1,name,pos){if(!exports$1){return}if(typeof name!=="string"){name=name.type==="Identif\
ier"?name.name:name.value}if(hasOwn(exports$1,name)){this.raiseRecoverable(pos,"Duplicate export '"+name+"'")}exports$1[name]=
true};pp$8.checkPatternExport=function(exports$1,pat){var type=pat.type;if(type==="Identifier"){this.checkExport(exports$1,
pat,pat.start)}else if(type==="ObjectPattern"){for(var i2=0,list2=pat.properties;i2<list2.length;i2+=1){var prop=list2[i2];
this.checkPatternExport(exports$1,prop)}}else if(type==="ArrayPattern"){for(var i$1=0,list$1=pat.elements;i$1<list$1.length;i$1+=
1){var elt=list$1[i$1];if(elt){this.checkPatternExport(exports$1,elt)}}}else if(type==="Property"){this.checkPatternExport(
exports$1,pat.value)}else if(type==="AssignmentPattern"){this.checkPatternExport(exports$1,pat.left)}else if(type==="Res\
tElement"){this.checkPatternExport(exports$1,pat.argument)}};pp$8.checkVariableExport=function(exports$1,decls){if(!exports$1){
return}for(var i2=0,list2=decls;i2<list2.length;i2+=1){var decl=list2[i2];this.checkPatternExport(exports$1,decl.id)}};pp$8.
shouldParseExportStatement=function(){return this.type.keyword==="var"||this.type.keyword==="const"||this.type.keyword===
"class"||this.type.keyword==="function"||this.isLet()||this.isAsyncFunction()};pp$8.parseExportSpecifier=function(exports$1){
var node=this.startNode();node.local=this.parseModuleExportName();node.exported=this.eatContextual("as")?this.parseModuleExportName():
node.local;this.checkExport(exports$1,node.exported,node.exported.start);return this.finishNode(node,"ExportSpecifier")};
pp$8.parseExportSpecifiers=function(exports$1){var nodes=[],first=true;this.expect(types$1.braceL);while(!this.eat(types$1.
braceR)){if(!first){this.expect(types$1.comma);if(this.afterTrailingComma(types$1.braceR)){break}}else{first=false}nodes.
push(this.parseExportSpecifier(exports$1))}return nodes};pp$8.parseImport=function(node){this.next();if(this.type===types$1.
string){node.specifiers=empty$1;node.source=this.parseExprAtom()}else{node.specifiers=this.parseImportSpecifiers();this.
expectContextual("from");node.source=this.type===types$1.string?this.parseExprAtom():this.unexpected()}if(this.options.ecmaVersion>=
16){node.attributes=this.parseWithClause()}this.semicolon();return this.finishNode(node,"ImportDeclaration")};pp$8.parseImportSpecifier=
function(){var node=this.startNode();node.imported=this.parseModuleExportName();if(this.eatContextual("as")){node.local=
this.parseIdent()}else{this.checkUnreserved(node.imported);node.local=node.imported}this.checkLValSimple(node.local,BIND_LEXICAL);
return this.finishNode(node,"ImportSpecifier")};pp$8.parseImportDefaultSpecifier=function(){var node=this.startNode();node.
local=this.parseIdent();this.checkLValSimple(node.local,BIND_LEXICAL);return this.finishNode(node,"ImportDefaultSpecifie\
r")};pp$8.parseImportNamespaceSpecifier=function(){var node=this.startNode();this.next();this.expectContextual("as");node.
local=this.parseIdent();this.checkLValSimple(node.local,BIND_LEXICAL);return this.finishNode(node,"ImportNamespaceSpecif\
ier")};pp$8.parseImportSpecifiers=function(){var nodes=[],first=true;if(this.type===types$1.name){nodes.push(this.parseImportDefaultSpecifier());
if(!this.eat(types$1.comma)){return nodes}}if(this.type===types$1.star){nodes.push(this.parseImportNamespaceSpecifier());
return nodes}this.expect(types$1.braceL);while(!this.eat(types$1.braceR)){if(!first){this.expect(types$1.comma);if(this.
afterTrailingComma(types$1.braceR)){break}}else{first=false}nodes.push(this.parseImportSpecifier())}return nodes};pp$8.parseWithClause=
function(){var nodes=[];if(!this.eat(types$1._with)){return nodes}this.expect(types$1.braceL);var attributeKeys={};var first=true;
while(!this.eat(types$1.braceR)){if(!first){this.expect(types$1.comma);if(this.afterTrailingComma(types$1.braceR)){break}}else{
first=false}var attr=this.parseImportAttribute();var keyName=attr.key.type==="Identifier"?attr.key.name:attr.key.value;if(hasOwn(
attributeKeys,keyName)){this.raiseRecoverable(attr.key.start,"Duplicate attribute key '"+keyName+"'")}attributeKeys[keyName]=
true;nodes.push(attr)}return nodes};pp$8.parseImportAttribute=function(){var node=this.startNode();node.key=this.type===
types$1.string?this.parseExprAtom():this.parseIdent(this.options.allowReserved!=="never");this.expect(types$1.colon);if(this.
type!==types$1.string){this.unexpected()}node.value=this.parseExprAtom();return this.finishNode(node,"ImportAttribute")};
pp$8.parseModuleExportName=function(){if(this.options.ecmaVersion>=13&&this.type===types$1.string){var stringLiteral=this.
parseLiteral(this.value);if(loneSurrogate.test(stringLiteral.value)){this.raise(stringLiteral.start,"An export name cann\
ot include a lone surrogate.")}return stringLiteral}return this.parseIdent(true)};pp$8.adaptDirectivePrologue=function(statements){
for(var i2=0;i2<statements.length&&this.isDirectiveCandidate(statements[i2]);++i2){statements[i2].directive=statements[i2].
expression.raw.slice(1,-1)}};pp$8.isDirectiveCandidate=function(statement){return this.options.ecmaVersion>=5&&statement.
type==="ExpressionStatement"&&statement.expression.type==="Literal"&&typeof statement.expression.value==="string"&&(this.
input[statement.start]==='"'||this.input[statement.start]==="'")};var pp$7=Parser.prototype;pp$7.toAssignable=function(node,isBinding,refDestructuringErrors){
if(this.options.ecmaVersion>=6&&node){switch(node.type){case"Identifier":if(this.inAsync&&node.name==="await"){this.raise(
node.start,"Cannot use 'await' as identifier inside an async function")}break;case"ObjectPattern":case"ArrayPattern":case"\
AssignmentPattern":case"RestElement":break;case"ObjectExpression":node.type="ObjectPattern";if(refDestructuringErrors){this.
checkPatternErrors(refDestructuringErrors,true)}for(var i2=0,list2=node.properties;i2<list2.length;i2+=1){var prop=list2[i2];
this.toAssignable(prop,isBinding);if(prop.type==="RestElement"&&(prop.argument.type==="ArrayPattern"||prop.argument.type===
"ObjectPattern")){this.raise(prop.argument.start,"Unexpected token")}}break;case"Property":if(node.kind!=="init"){this.raise(
node.key.start,"Object pattern can't contain getter or setter")}this.toAssignable(node.value,isBinding);break;case"Array\
Expression":node.type="ArrayPattern";if(refDestructuringErrors){this.checkPatternErrors(refDestructuringErrors,true)}this.
toAssignableList(node.elements,isBinding);break;case"SpreadElement":node.type="RestElement";this.toAssignable(node.argument,
isBinding);if(node.argument.type==="AssignmentPattern"){this.raise(node.argument.start,"Rest elements cannot have a defa\
ult value")}break;case"AssignmentExpression":if(node.operator!=="="){this.raise(node.left.end,"Only '=' operator can be \
used for specifying default value.")}node.type="AssignmentPattern";delete node.operator;this.toAssignable(node.left,isBinding);
break;case"ParenthesizedExpression":this.toAssignable(node.expression,isBinding,refDestructuringErrors);break;case"Chain\
Expression":this.raiseRecoverable(node.start,"Optional chaining cannot appear in left-hand side");break;case"MemberExpre\
ssion":if(!isBinding){break}default:this.raise(node.start,"Assigning to rvalue")}}else if(refDestructuringErrors){this.checkPatternErrors(
refDestructuringErrors,true)}return node};pp$7.toAssignableList=function(exprList,isBinding){var end=exprList.length;for(var i2=0;i2<
end;i2++){var elt=exprList[i2];if(elt){this.toAssignable(elt,isBinding)}}if(end){var last=exprList[end-1];if(this.options.
ecmaVersion===6&&isBinding&&last&&last.type==="RestElement"&&last.argument.type!=="Identifier"){this.unexpected(last.argument.
start)}}return exprList};pp$7.parseSpread=function(refDestructuringErrors){var node=this.startNode();this.next();node.argument=
this.parseMaybeAssign(false,refDestructuringErrors);return this.finishNode(node,"SpreadElement")};pp$7.parseRestBinding=
function(){var node=this.startNode();this.next();if(this.options.ecmaVersion===6&&this.type!==types$1.name){this.unexpected()}
node.argument=this.parseBindingAtom();return this.finishNode(node,"RestElement")};pp$7.parseBindingAtom=function(){if(this.
options.ecmaVersion>=6){switch(this.type){case types$1.bracketL:var node=this.startNode();this.next();node.elements=this.
parseBindingList(types$1.bracketR,true,true);return this.finishNode(node,"ArrayPattern");case types$1.braceL:return this.
parseObj(true)}}return this.parseIdent()};pp$7.parseBindingList=function(close,allowEmpty,allowTrailingComma,allowModifiers){
var elts=[],first=true;while(!this.eat(close)){if(first){first=false}else{this.expect(types$1.comma)}if(allowEmpty&&this.
type===types$1.comma){elts.push(null)}else if(allowTrailingComma&&this.afterTrailingComma(close)){break}else if(this.type===
types$1.ellipsis){var rest=this.parseRestBinding();this.parseBindingListItem(rest);elts.push(rest);if(this.type===types$1.
comma){this.raiseRecoverable(this.start,"Comma is not permitted after the rest element")}this.expect(close);break}else{elts.
push(this.parseAssignableListItem(allowModifiers))}}return elts};pp$7.parseAssignableListItem=function(allowModifiers){var elem=this.
parseMaybeDefault(this.start,this.startLoc);this.parseBindingListItem(elem);return elem};pp$7.parseBindingListItem=function(param){
return param};pp$7.parseMaybeDefault=function(startPos,startLoc,left){left=left||this.parseBindingAtom();if(this.options.
ecmaVersion<6||!this.eat(types$1.eq)){return left}var node=this.startNodeAt(startPos,startLoc);node.left=left;node.right=
this.parseMaybeAssign();return this.finishNode(node,"AssignmentPattern")};pp$7.checkLValSimple=function(expr,bindingType,checkClashes){
if(bindingType===void 0)bindingType=BIND_NONE;var isBind=bindingType!==BIND_NONE;switch(expr.type){case"Identifier":if(this.
strict&&this.reservedWordsStrictBind.test(expr.name)){this.raiseRecoverable(expr.start,(isBind?"Binding ":"Assigning to ")+
expr.name+" in strict mode")}if(isBind){if(bindingType===BIND_LEXICAL&&expr.name==="let"){this.raiseRecoverable(expr.start,
"let is disallowed as a lexically bound name")}if(checkClashes){if(hasOwn(checkClashes,expr.name)){this.raiseRecoverable(
expr.start,"Argument name clash")}checkClashes[expr.name]=true}if(bindingType!==BIND_OUTSIDE){this.declareName(expr.name,
bindingType,expr.start)}}break;case"ChainExpression":this.raiseRecoverable(expr.start,"Optional chaining cannot appear i\
n left-hand side");break;case"MemberExpression":if(isBind){this.raiseRecoverable(expr.start,"Binding member expression")}
break;case"ParenthesizedExpression":if(isBind){this.raiseRecoverable(expr.start,"Binding parenthesized expression")}return this.
checkLValSimple(expr.expression,bindingType,checkClashes);default:this.raise(expr.start,(isBind?"Binding":"Assigning to")+
" rvalue")}};pp$7.checkLValPattern=function(expr,bindingType,checkClashes){if(bindingType===void 0)bindingType=BIND_NONE;
switch(expr.type){case"ObjectPattern":for(var i2=0,list2=expr.properties;i2<list2.length;i2+=1){var prop=list2[i2];this.
checkLValInnerPattern(prop,bindingType,checkClashes)}break;case"ArrayPattern":for(var i$1=0,list$1=expr.elements;i$1<list$1.
length;i$1+=1){var elem=list$1[i$1];if(elem){this.checkLValInnerPattern(elem,bindingType,checkClashes)}}break;default:this.
checkLValSimple(expr,bindingType,checkClashes)}};pp$7.checkLValInnerPattern=function(expr,bindingType,checkClashes){if(bindingType===
void 0)bindingType=BIND_NONE;switch(expr.type){case"Property":this.checkLValInnerPattern(expr.value,bindingType,checkClashes);
break;case"AssignmentPattern":this.checkLValPattern(expr.left,bindingType,checkClashes);break;case"RestElement":this.checkLValPattern(
expr.argument,bindingType,checkClashes);break;default:this.checkLValPattern(expr,bindingType,checkClashes)}};var TokContext=function TokContext2(token,isExpr,preserveSpace,override,generator){
this.token=token;this.isExpr=!!isExpr;this.preserveSpace=!!preserveSpace;this.override=override;this.generator=!!generator};
var types={b_stat:new TokContext("{",false),b_expr:new TokContext("{",true),b_tmpl:new TokContext("${",false),p_stat:new TokContext(
"(",false),p_expr:new TokContext("(",true),q_tmpl:new TokContext("`",true,true,function(p){return p.tryReadTemplateToken()}),
f_stat:new TokContext("function",false),f_expr:new TokContext("function",true),f_expr_gen:new TokContext("function",true,
false,null,true),f_gen:new TokContext("function",false,false,null,true)};var pp$6=Parser.prototype;pp$6.initialContext=function(){
return[types.b_stat]};pp$6.curContext=function(){return this.context[this.context.length-1]};pp$6.braceIsBlock=function(prevType){
var parent=this.curContext();if(parent===types.f_expr||parent===types.f_stat){return true}if(prevType===types$1.colon&&(parent===
types.b_stat||parent===types.b_expr)){return!parent.isExpr}if(prevType===types$1._return||prevType===types$1.name&&this.
exprAllowed){return lineBreak.test(this.input.slice(this.lastTokEnd,this.start))}if(prevType===types$1._else||prevType===
types$1.semi||prevType===types$1.eof||prevType===types$1.parenR||prevType===types$1.arrow){return true}if(prevType===types$1.
braceL){return parent===types.b_stat}if(prevType===types$1._var||prevType===types$1._const||prevType===types$1.name){return false}
return!this.exprAllowed};pp$6.inGeneratorContext=function(){for(var i2=this.context.length-1;i2>=1;i2--){var context=this.
context[i2];if(context.token==="function"){return context.generator}}return false};pp$6.updateContext=function(prevType){
var update,type=this.type;if(type.keyword&&prevType===types$1.dot){this.exprAllowed=false}else if(update=type.updateContext){
update.call(this,prevType)}else{this.exprAllowed=type.beforeExpr}};pp$6.overrideContext=function(tokenCtx){if(this.curContext()!==
tokenCtx){this.context[this.context.length-1]=tokenCtx}};types$1.parenR.updateContext=types$1.braceR.updateContext=function(){
if(this.context.length===1){this.exprAllowed=true;return}var out=this.context.pop();if(out===types.b_stat&&this.curContext().
token==="function"){out=this.context.pop()}this.exprAllowed=!out.isExpr};types$1.braceL.updateContext=function(prevType){
this.context.push(this.braceIsBlock(prevType)?types.b_stat:types.b_expr);this.exprAllowed=true};types$1.dollarBraceL.updateContext=
function(){this.context.push(types.b_tmpl);this.exprAllowed=true};types$1.parenL.updateContext=function(prevType){var statementParens=prevType===
types$1._if||prevType===types$1._for||prevType===types$1._with||prevType===types$1._while;this.context.push(statementParens?
types.p_stat:types.p_expr);this.exprAllowed=true};types$1.incDec.updateContext=function(){};types$1._function.updateContext=
types$1._class.updateContext=function(prevType){if(prevType.beforeExpr&&prevType!==types$1._else&&!(prevType===types$1.semi&&
this.curContext()!==types.p_stat)&&!(prevType===types$1._return&&lineBreak.test(this.input.slice(this.lastTokEnd,this.start)))&&
!((prevType===types$1.colon||prevType===types$1.braceL)&&this.curContext()===types.b_stat)){this.context.push(types.f_expr)}else{
this.context.push(types.f_stat)}this.exprAllowed=false};types$1.colon.updateContext=function(){if(this.curContext().token===
"function"){this.context.pop()}this.exprAllowed=true};types$1.backQuote.updateContext=function(){if(this.curContext()===
types.q_tmpl){this.context.pop()}else{this.context.push(types.q_tmpl)}this.exprAllowed=false};types$1.star.updateContext=
function(prevType){if(prevType===types$1._function){var index=this.context.length-1;if(this.context[index]===types.f_expr){
this.context[index]=types.f_expr_gen}else{this.context[index]=types.f_gen}}this.exprAllowed=true};types$1.name.updateContext=
function(prevType){var allowed=false;if(this.options.ecmaVersion>=6&&prevType!==types$1.dot){if(this.value==="of"&&!this.
exprAllowed||this.value==="yield"&&this.inGeneratorContext()){allowed=true}}this.exprAllowed=allowed};var pp$5=Parser.prototype;
pp$5.checkPropClash=function(prop,propHash,refDestructuringErrors){if(this.options.ecmaVersion>=9&&prop.type==="SpreadEl\
ement"){return}if(this.options.ecmaVersion>=6&&(prop.computed||prop.method||prop.shorthand)){return}var key=prop.key;var name;
switch(key.type){case"Identifier":name=key.name;break;case"Literal":name=String(key.value);break;default:return}var kind=prop.
kind;if(this.options.ecmaVersion>=6){if(name==="__proto__"&&kind==="init"){if(propHash.proto){if(refDestructuringErrors){
if(refDestructuringErrors.doubleProto<0){refDestructuringErrors.doubleProto=key.start}}else{this.raiseRecoverable(key.start,
"Redefinition of __proto__ property")}}propHash.proto=true}return}name="$"+name;var other=propHash[name];if(other){var redefinition;
if(kind==="init"){redefinition=this.strict&&other.init||other.get||other.set}else{redefinition=other.init||other[kind]}if(redefinition){
this.raiseRecoverable(key.start,"Redefinition of property")}}else{other=propHash[name]={init:false,get:false,set:false}}
other[kind]=true};pp$5.parseExpression=function(forInit,refDestructuringErrors){var this$1$1=this;return this.catchStackOverflow(
function(){var startPos=this$1$1.start,startLoc=this$1$1.startLoc;var expr=this$1$1.parseMaybeAssign(forInit,refDestructuringErrors);
if(this$1$1.type===types$1.comma){var node=this$1$1.startNodeAt(startPos,startLoc);node.expressions=[expr];while(this$1$1.
eat(types$1.comma)){node.expressions.push(this$1$1.parseMaybeAssign(forInit,refDestructuringErrors))}return this$1$1.finishNode(
node,"SequenceExpression")}return expr})};pp$5.parseMaybeAssign=function(forInit,refDestructuringErrors,afterLeftParse){
if(this.isContextual("yield")){if(this.inGenerator){return this.parseYield(forInit)}else{this.exprAllowed=false}}var ownDestructuringErrors=false,
oldParenAssign=-1,oldTrailingComma=-1,oldDoubleProto=-1;if(refDestructuringErrors){oldParenAssign=refDestructuringErrors.
parenthesizedAssign;oldTrailingComma=refDestructuringErrors.trailingComma;oldDoubleProto=refDestructuringErrors.doubleProto;
refDestructuringErrors.parenthesizedAssign=refDestructuringErrors.trailingComma=-1}else{refDestructuringErrors=new DestructuringErrors;
ownDestructuringErrors=true}var startPos=this.start,startLoc=this.startLoc;if(this.type===types$1.parenL||this.type===types$1.
name){this.potentialArrowAt=this.start;this.potentialArrowInForAwait=forInit==="await"}var left=this.parseMaybeConditional(
forInit,refDestructuringErrors);if(afterLeftParse){left=afterLeftParse.call(this,left,startPos,startLoc)}if(this.type.isAssign){
var node=this.startNodeAt(startPos,startLoc);node.operator=this.value;if(this.type===types$1.eq){left=this.toAssignable(
left,false,refDestructuringErrors)}if(!ownDestructuringErrors){refDestructuringErrors.parenthesizedAssign=refDestructuringErrors.
trailingComma=-1;if(refDestructuringErrors.shorthandAssign>=left.start){refDestructuringErrors.shorthandAssign=-1}if(refDestructuringErrors.
doubleProto>=left.start){refDestructuringErrors.doubleProto=-1}}if(this.type===types$1.eq){this.checkLValPattern(left)}else{
this.checkLValSimple(left)}node.left=left;this.next();node.right=this.parseMaybeAssign(forInit);if(oldDoubleProto>-1){refDestructuringErrors.
doubleProto=oldDoubleProto}return this.finishNode(node,"AssignmentExpression")}else{if(ownDestructuringErrors){this.checkExpressionErrors(
refDestructuringErrors,true)}}if(oldParenAssign>-1){refDestructuringErrors.parenthesizedAssign=oldParenAssign}if(oldTrailingComma>
-1){refDestructuringErrors.trailingComma=oldTrailingComma}return left};pp$5.parseMaybeConditional=function(forInit,refDestructuringErrors){
var startPos=this.start,startLoc=this.startLoc;var expr=this.parseExprOps(forInit,refDestructuringErrors);if(this.checkExpressionErrors(
refDestructuringErrors)){return expr}if(!(expr.type==="ArrowFunctionExpression"&&expr.start===startPos)&&this.eat(types$1.
question)){var node=this.startNodeAt(startPos,startLoc);node.test=expr;node.consequent=this.parseMaybeAssign();this.expect(
types$1.colon);node.alternate=this.parseMaybeAssign(forInit);return this.finishNode(node,"ConditionalExpression")}return expr};
pp$5.parseExprOps=function(forInit,refDestructuringErrors){var startPos=this.start,startLoc=this.startLoc;var expr=this.
parseMaybeUnary(refDestructuringErrors,false,false,forInit);if(this.checkExpressionErrors(refDestructuringErrors)){return expr}
return expr.start===startPos&&expr.type==="ArrowFunctionExpression"?expr:this.parseExprOp(expr,startPos,startLoc,-1,forInit)};
pp$5.parseExprOp=function(left,leftStartPos,leftStartLoc,minPrec,forInit){var prec=this.type.binop;if(prec!=null&&(!forInit||
this.type!==types$1._in)){if(prec>minPrec){var logical=this.type===types$1.logicalOR||this.type===types$1.logicalAND;var coalesce=this.
type===types$1.coalesce;if(coalesce){prec=types$1.logicalAND.binop}var op=this.value;this.next();var startPos=this.start,
startLoc=this.startLoc;var right=this.parseExprOp(this.parseMaybeUnary(null,false,false,forInit),startPos,startLoc,prec,
forInit);var node=this.buildBinary(leftStartPos,leftStartLoc,left,right,op,logical||coalesce);if(logical&&this.type===types$1.
coalesce||coalesce&&(this.type===types$1.logicalOR||this.type===types$1.logicalAND)){this.raiseRecoverable(this.start,"L\
ogical expressions and coalesce expressions cannot be mixed. Wrap either by parentheses")}return this.parseExprOp(node,leftStartPos,
leftStartLoc,minPrec,forInit)}}return left};pp$5.buildBinary=function(startPos,startLoc,left,right,op,logical){if(right.
type==="PrivateIdentifier"){this.raise(right.start,"Private identifier can only be left side of binary expression")}var node=this.
startNodeAt(startPos,startLoc);node.left=left;node.operator=op;node.right=right;return this.finishNode(node,logical?"Log\
icalExpression":"BinaryExpression")};pp$5.parseMaybeUnary=function(refDestructuringErrors,sawUnary,incDec,forInit){var startPos=this.
start,startLoc=this.startLoc,expr;if(this.isContextual("await")&&this.canAwait){expr=this.parseAwait(forInit);sawUnary=true}else if(this.
type.prefix){var node=this.startNode(),update=this.type===types$1.incDec;node.operator=this.value;node.prefix=true;this.
next();node.argument=this.parseMaybeUnary(null,true,update,forInit);this.checkExpressionErrors(refDestructuringErrors,true);
if(update){this.checkLValSimple(node.argument)}else if(this.strict&&node.operator==="delete"&&isLocalVariableAccess(node.
argument)){this.raiseRecoverable(node.start,"Deleting local variable in strict mode")}else if(node.operator==="delete"&&
isPrivateFieldAccess(node.argument)){this.raiseRecoverable(node.start,"Private fields can not be deleted")}else{sawUnary=
true}expr=this.finishNode(node,update?"UpdateExpression":"UnaryExpression")}else if(!sawUnary&&this.type===types$1.privateId){
if((forInit||this.privateNameStack.length===0)&&this.options.checkPrivateFields){this.unexpected()}expr=this.parsePrivateIdent();
if(this.type!==types$1._in){this.unexpected()}}else{expr=this.parseExprSubscripts(refDestructuringErrors,forInit);if(this.
checkExpressionErrors(refDestructuringErrors)){return expr}while(this.type.postfix&&!this.canInsertSemicolon()){var node$1=this.
startNodeAt(startPos,startLoc);node$1.operator=this.value;node$1.prefix=false;node$1.argument=expr;this.checkLValSimple(
expr);this.next();expr=this.finishNode(node$1,"UpdateExpression")}}if(!incDec&&!(expr.type==="ArrowFunctionExpression"&&
expr.start===startPos)&&this.eat(types$1.starstar)){if(sawUnary){this.unexpected(this.lastTokStart)}else{return this.buildBinary(
startPos,startLoc,expr,this.parseMaybeUnary(null,false,false,forInit),"**",false)}}else{return expr}};function isLocalVariableAccess(node){
return node.type==="Identifier"||node.type==="ParenthesizedExpression"&&isLocalVariableAccess(node.expression)}function isPrivateFieldAccess(node){
return node.type==="MemberExpression"&&node.property.type==="PrivateIdentifier"||node.type==="ChainExpression"&&isPrivateFieldAccess(
node.expression)||node.type==="ParenthesizedExpression"&&isPrivateFieldAccess(node.expression)}pp$5.parseExprSubscripts=
function(refDestructuringErrors,forInit){var startPos=this.start,startLoc=this.startLoc;var oldDoubleProto=-1,oldShorthandAssign=-1;
if(refDestructuringErrors){oldDoubleProto=refDestructuringErrors.doubleProto;oldShorthandAssign=refDestructuringErrors.shorthandAssign;
refDestructuringErrors.doubleProto=refDestructuringErrors.shorthandAssign=-1}var expr=this.parseExprAtom(refDestructuringErrors,
forInit);if(expr.type==="ArrowFunctionExpression"&&this.input.slice(this.lastTokStart,this.lastTokEnd)!==")"){return expr}
var result=this.parseSubscripts(expr,startPos,startLoc,false,forInit);if(refDestructuringErrors){if(result.end>expr.end){
this.checkExpressionErrors(refDestructuringErrors,true);if(refDestructuringErrors.parenthesizedAssign>=result.start){refDestructuringErrors.
parenthesizedAssign=-1}if(refDestructuringErrors.parenthesizedBind>=result.start){refDestructuringErrors.parenthesizedBind=
-1}if(refDestructuringErrors.trailingComma>=result.start){refDestructuringErrors.trailingComma=-1}}if(oldDoubleProto>-1){
refDestructuringErrors.doubleProto=oldDoubleProto}if(oldShorthandAssign>-1){refDestructuringErrors.shorthandAssign=oldShorthandAssign}}
return result};pp$5.parseSubscripts=function(base,startPos,startLoc,noCalls,forInit){var maybeAsyncArrow=this.options.ecmaVersion>=
8&&base.type==="Identifier"&&base.name==="async"&&this.lastTokEnd===base.end&&!this.canInsertSemicolon()&&base.end-base.
start===5&&this.potentialArrowAt===base.start;var optionalChained=false;while(true){var element=this.parseSubscript(base,
startPos,startLoc,noCalls,maybeAsyncArrow,optionalChained,forInit);if(element.optional){optionalChained=true}if(element.
end===base.end||element.type==="ArrowFunctionExpression"){if(optionalChained){var chainNode=this.startNodeAt(startPos,startLoc);
chainNode.expression=element;element=this.finishNode(chainNode,"ChainExpression")}return element}base=element;maybeAsyncArrow=
false}};pp$5.shouldParseAsyncArrow=function(){return!this.canInsertSemicolon()&&this.eat(types$1.arrow)};pp$5.parseSubscriptAsyncArrow=
function(startPos,startLoc,exprList,forInit){return this.parseArrowExpression(this.startNodeAt(startPos,startLoc),exprList,
true,forInit)};pp$5.parseSubscript=function(base,startPos,startLoc,noCalls,maybeAsyncArrow,optionalChained,forInit){var optionalSupported=this.
options.ecmaVersion>=11;var optional=optionalSupported&&this.eat(types$1.questionDot);if(noCalls&&optional){this.raise(this.
lastTokStart,"Optional chaining cannot appear in the callee of new expressions")}var computed=this.eat(types$1.bracketL);
if(computed||optional&&this.type!==types$1.parenL&&this.type!==types$1.backQuote||this.eat(types$1.dot)){var node=this.startNodeAt(
startPos,startLoc);node.object=base;if(computed){node.property=this.parseExpression();this.expect(types$1.bracketR)}else if(this.
type===types$1.privateId&&base.type!=="Super"){node.property=this.parsePrivateIdent()}else{node.property=this.parseIdent(
this.options.allowReserved!=="never")}node.computed=!!computed;if(optionalSupported){node.optional=optional}base=this.finishNode(
node,"MemberExpression")}else if(!noCalls&&this.eat(types$1.parenL)){var refDestructuringErrors=new DestructuringErrors,
oldYieldPos=this.yieldPos,oldAwaitPos=this.awaitPos,oldAwaitIdentPos=this.awaitIdentPos;this.yieldPos=0;this.awaitPos=0;
this.awaitIdentPos=0;var exprList=this.parseExprList(types$1.parenR,this.options.ecmaVersion>=8,false,refDestructuringErrors);
if(maybeAsyncArrow&&!optional&&this.shouldParseAsyncArrow()){this.checkPatternErrors(refDestructuringErrors,false);this.
checkYieldAwaitInDefaultParams();if(this.awaitIdentPos>0){this.raise(this.awaitIdentPos,"Cannot use 'await' as identifie\
r inside an async function")}this.yieldPos=oldYieldPos;this.awaitPos=oldAwaitPos;this.awaitIdentPos=oldAwaitIdentPos;return this.
parseSubscriptAsyncArrow(startPos,startLoc,exprList,forInit)}this.checkExpressionErrors(refDestructuringErrors,true);this.
yieldPos=oldYieldPos||this.yieldPos;this.awaitPos=oldAwaitPos||this.awaitPos;this.awaitIdentPos=oldAwaitIdentPos||this.awaitIdentPos;
var node$1=this.startNodeAt(startPos,startLoc);node$1.callee=base;node$1.arguments=exprList;if(optionalSupported){node$1.
optional=optional}base=this.finishNode(node$1,"CallExpression")}else if(this.type===types$1.backQuote){if(optional||optionalChained){
this.raise(this.start,"Optional chaining cannot appear in the tag of tagged template expressions")}var node$2=this.startNodeAt(
startPos,startLoc);node$2.tag=base;node$2.quasi=this.parseTemplate({isTagged:true});base=this.finishNode(node$2,"TaggedT\
emplateExpression")}return base};pp$5.parseExprAtom=function(refDestructuringErrors,forInit,forNew){if(this.type===types$1.
slash){this.readRegexp()}var node,canBeArrow=this.potentialArrowAt===this.start;switch(this.type){case types$1._super:if(!this.
allowSuper){this.raise(this.start,"'super' keyword outside a method")}node=this.startNode();this.next();if(this.type===types$1.
parenL&&!this.allowDirectSuper){this.raise(node.start,"super() call outside constructor of a subclass")}if(this.type!==types$1.
dot&&this.type!==types$1.bracketL&&this.type!==types$1.parenL){this.unexpected()}return this.finishNode(node,"Super");case types$1.
_this:node=this.startNode();this.next();return this.finishNode(node,"ThisExpression");case types$1.name:var startPos=this.
start,startLoc=this.startLoc,containsEsc=this.containsEsc;var id=this.parseIdent(false);if(this.options.ecmaVersion>=8&&
!containsEsc&&id.name==="async"&&!this.canInsertSemicolon()&&this.eat(types$1._function)){this.overrideContext(types.f_expr);
return this.parseFunction(this.startNodeAt(startPos,startLoc),0,false,true,forInit)}if(canBeArrow&&!this.canInsertSemicolon()){
if(this.eat(types$1.arrow)){return this.parseArrowExpression(this.startNodeAt(startPos,startLoc),[id],false,forInit)}if(this.
options.ecmaVersion>=8&&id.name==="async"&&this.type===types$1.name&&!containsEsc&&(!this.potentialArrowInForAwait||this.
value!=="of"||this.containsEsc)){id=this.parseIdent(false);if(this.canInsertSemicolon()||!this.eat(types$1.arrow)){this.
unexpected()}return this.parseArrowExpression(this.startNodeAt(startPos,startLoc),[id],true,forInit)}}return id;case types$1.
regexp:var value=this.value;node=this.parseLiteral(value.value);node.regex={pattern:value.pattern,flags:value.flags};return node;case types$1.
num:case types$1.string:return this.parseLiteral(this.value);case types$1._null:case types$1._true:case types$1._false:node=
this.startNode();node.value=this.type===types$1._null?null:this.type===types$1._true;node.raw=this.type.keyword;this.next();
return this.finishNode(node,"Literal");case types$1.parenL:var start=this.start,expr=this.parseParenAndDistinguishExpression(
canBeArrow,forInit);if(refDestructuringErrors){if(refDestructuringErrors.parenthesizedAssign<0&&!this.isSimpleAssignTarget(
expr)){refDestructuringErrors.parenthesizedAssign=start}if(refDestructuringErrors.parenthesizedBind<0){refDestructuringErrors.
parenthesizedBind=start}}return expr;case types$1.bracketL:node=this.startNode();this.next();node.elements=this.parseExprList(
types$1.bracketR,true,true,refDestructuringErrors);return this.finishNode(node,"ArrayExpression");case types$1.braceL:this.
overrideContext(types.b_expr);return this.parseObj(false,refDestructuringErrors);case types$1._function:node=this.startNode();
this.next();return this.parseFunction(node,0);case types$1._class:return this.parseClass(this.startNode(),false);case types$1.
_new:return this.parseNew();case types$1.backQuote:return this.parseTemplate();case types$1._import:if(this.options.ecmaVersion>=
11){return this.parseExprImport(forNew)}else{return this.unexpected()}default:return this.parseExprAtomDefault()}};pp$5.
parseExprAtomDefault=function(){this.unexpected()};pp$5.parseExprImport=function(forNew){var node=this.startNode();if(this.
containsEsc){this.raiseRecoverable(this.start,"Escape sequence in keyword import")}this.next();if(this.type===types$1.parenL&&
!forNew){return this.parseDynamicImport(node)}else if(this.type===types$1.dot){var meta=this.startNodeAt(node.start,node.
loc&&node.loc.start);meta.name="import";node.meta=this.finishNode(meta,"Identifier");return this.parseImportMeta(node)}else{
this.unexpected()}};pp$5.parseDynamicImport=function(node){this.next();node.source=this.parseMaybeAssign();if(this.options.
ecmaVersion>=16){if(!this.eat(types$1.parenR)){this.expect(types$1.comma);if(!this.afterTrailingComma(types$1.parenR)){node.
options=this.parseMaybeAssign();if(!this.eat(types$1.parenR)){this.expect(types$1.comma);if(!this.afterTrailingComma(types$1.
parenR)){this.unexpected()}}}else{node.options=null}}else{node.options=null}}else{if(!this.eat(types$1.parenR)){var errorPos=this.
start;if(this.eat(types$1.comma)&&this.eat(types$1.parenR)){this.raiseRecoverable(errorPos,"Trailing comma is not allowe\
d in import()")}else{this.unexpected(errorPos)}}}return this.finishNode(node,"ImportExpression")};pp$5.parseImportMeta=function(node){
this.next();var containsEsc=this.containsEsc;node.property=this.parseIdent(true);if(node.property.name!=="meta"){this.raiseRecoverable(
node.property.start,"The only valid meta property for import is 'import.meta'")}if(containsEsc){this.raiseRecoverable(node.
start,"'import.meta' must not contain escaped characters")}if(this.options.sourceType!=="module"&&!this.options.allowImportExportEverywhere){
this.raiseRecoverable(node.start,"Cannot use 'import.meta' outside a module")}return this.finishNode(node,"MetaProperty")};
pp$5.parseLiteral=function(value){var node=this.startNode();node.value=value;node.raw=this.input.slice(this.start,this.end);
if(node.raw.charCodeAt(node.raw.length-1)===110){node.bigint=node.value!=null?node.value.toString():node.raw.slice(0,-1).
replace(/_/g,"")}this.next();return this.finishNode(node,"Literal")};pp$5.parseParenExpression=function(){this.expect(types$1.
parenL);var val=this.parseExpression();this.expect(types$1.parenR);return val};pp$5.shouldParseArrow=function(exprList){
return!this.canInsertSemicolon()};pp$5.parseParenAndDistinguishExpression=function(canBeArrow,forInit){var startPos=this.
start,startLoc=this.startLoc,val,allowTrailingComma=this.options.ecmaVersion>=8;if(this.options.ecmaVersion>=6){this.next();
var innerStartPos=this.start,innerStartLoc=this.startLoc;var exprList=[],first=true,lastIsComma=false;var refDestructuringErrors=new DestructuringErrors,
oldYieldPos=this.yieldPos,oldAwaitPos=this.awaitPos,spreadStart;this.yieldPos=0;this.awaitPos=0;while(this.type!==types$1.
parenR){first?first=false:this.expect(types$1.comma);if(allowTrailingComma&&this.afterTrailingComma(types$1.parenR,true)){
lastIsComma=true;break}else if(this.type===types$1.ellipsis){spreadStart=this.start;exprList.push(this.parseParenItem(this.
parseRestBinding()));if(this.type===types$1.comma){this.raiseRecoverable(this.start,"Comma is not permitted after the re\
st element")}break}else{exprList.push(this.parseMaybeAssign(false,refDestructuringErrors,this.parseParenItem))}}var innerEndPos=this.
lastTokEnd,innerEndLoc=this.lastTokEndLoc;this.expect(types$1.parenR);if(canBeArrow&&this.shouldParseArrow(exprList)&&this.
eat(types$1.arrow)){this.checkPatternErrors(refDestructuringErrors,false);this.checkYieldAwaitInDefaultParams();this.yieldPos=
oldYieldPos;this.awaitPos=oldAwaitPos;return this.parseParenArrowList(startPos,startLoc,exprList,forInit)}if(!exprList.length||
lastIsComma){this.unexpected(this.lastTokStart)}if(spreadStart){this.unexpected(spreadStart)}this.checkExpressionErrors(
refDestructuringErrors,true);this.yieldPos=oldYieldPos||this.yieldPos;this.awaitPos=oldAwaitPos||this.awaitPos;if(exprList.
length>1){val=this.startNodeAt(innerStartPos,innerStartLoc);val.expressions=exprList;this.finishNodeAt(val,"SequenceExpr\
ession",innerEndPos,innerEndLoc)}else{val=exprList[0]}}else{val=this.parseParenExpression()}if(this.options.preserveParens){
var par=this.startNodeAt(startPos,startLoc);par.expression=val;return this.finishNode(par,"ParenthesizedExpression")}else{
return val}};pp$5.parseParenItem=function(item){return item};pp$5.parseParenArrowList=function(startPos,startLoc,exprList,forInit){
return this.parseArrowExpression(this.startNodeAt(startPos,startLoc),exprList,false,forInit)};var empty=[];pp$5.parseNew=
function(){if(this.containsEsc){this.raiseRecoverable(this.start,"Escape sequence in keyword new")}var node=this.startNode();
this.next();if(this.options.ecmaVersion>=6&&this.type===types$1.dot){var meta=this.startNodeAt(node.start,node.loc&&node.
loc.start);meta.name="new";node.meta=this.finishNode(meta,"Identifier");this.next();var containsEsc=this.containsEsc;node.
property=this.parseIdent(true);if(node.property.name!=="target"){this.raiseRecoverable(node.property.start,"The only val\
id meta property for new is 'new.target'")}if(containsEsc){this.raiseRecoverable(node.start,"'new.target' must not conta\
in escaped characters")}if(!this.allowNewDotTarget){this.raiseRecoverable(node.start,"'new.target' can only be used in f\
unctions and class static block")}return this.finishNode(node,"MetaProperty")}var startPos=this.start,startLoc=this.startLoc;
node.callee=this.parseSubscripts(this.parseExprAtom(null,false,true),startPos,startLoc,true,false);if(node.callee.type===
"Super"){this.raiseRecoverable(startPos,"Invalid use of 'super'")}if(this.eat(types$1.parenL)){node.arguments=this.parseExprList(
types$1.parenR,this.options.ecmaVersion>=8,false)}else{node.arguments=empty}return this.finishNode(node,"NewExpression")};
pp$5.parseTemplateElement=function(ref2){var isTagged=ref2.isTagged;var elem=this.startNode();if(this.type===types$1.invalidTemplate){
if(!isTagged){this.raiseRecoverable(this.start,"Bad escape sequence in untagged template literal")}elem.value={raw:this.
value.replace(/\r\n?/g,"\n"),cooked:null}}else{elem.value={raw:this.input.slice(this.start,this.end).replace(/\r\n?/g,"\n"),
cooked:this.value}}this.next();elem.tail=this.type===types$1.backQuote;return this.finishNode(elem,"TemplateElement")};pp$5.
parseTemplate=function(ref2){if(ref2===void 0)ref2={};var isTagged=ref2.isTagged;if(isTagged===void 0)isTagged=false;var node=this.
startNode();this.next();node.expressions=[];var curElt=this.parseTemplateElement({isTagged});node.quasis=[curElt];while(!curElt.
tail){if(this.type===types$1.eof){this.raise(this.pos,"Unterminated template literal")}this.expect(types$1.dollarBraceL);
node.expressions.push(this.parseExpression());this.expect(types$1.braceR);node.quasis.push(curElt=this.parseTemplateElement(
{isTagged}))}this.next();return this.finishNode(node,"TemplateLiteral")};pp$5.isAsyncProp=function(prop){return!prop.computed&&
prop.key.type==="Identifier"&&prop.key.name==="async"&&(this.type===types$1.name||this.type===types$1.num||this.type===types$1.
string||this.type===types$1.bracketL||this.type.keyword||this.options.ecmaVersion>=9&&this.type===types$1.star)&&!lineBreak.
test(this.input.slice(this.lastTokEnd,this.start))};pp$5.parseObj=function(isPattern,refDestructuringErrors){var node=this.
startNode(),first=true,propHash={};node.properties=[];this.next();while(!this.eat(types$1.braceR)){if(!first){this.expect(
types$1.comma);if(this.options.ecmaVersion>=5&&this.afterTrailingComma(types$1.braceR)){break}}else{first=false}var prop=this.
parseProperty(isPattern,refDestructuringErrors);if(!isPattern){this.checkPropClash(prop,propHash,refDestructuringErrors)}
node.properties.push(prop)}return this.finishNode(node,isPattern?"ObjectPattern":"ObjectExpression")};pp$5.parseProperty=
function(isPattern,refDestructuringErrors){var prop=this.startNode(),isGenerator,isAsync,startPos,startLoc;if(this.options.
ecmaVersion>=9&&this.eat(types$1.ellipsis)){if(isPattern){prop.argument=this.parseIdent(false);if(this.type===types$1.comma){
this.raiseRecoverable(this.start,"Comma is not permitted after the rest element")}return this.finishNode(prop,"RestEleme\
nt")}prop.argument=this.parseMaybeAssign(false,refDestructuringErrors);if(this.type===types$1.comma&&refDestructuringErrors&&
refDestructuringErrors.trailingComma<0){refDestructuringErrors.trailingComma=this.start}return this.finishNode(prop,"Spr\
eadElement")}if(this.options.ecmaVersion>=6){prop.method=false;prop.shorthand=false;if(isPattern||refDestructuringErrors){
startPos=this.start;startLoc=this.startLoc}if(!isPattern){isGenerator=this.eat(types$1.star)}}var containsEsc=this.containsEsc;
this.parsePropertyName(prop);if(!isPattern&&!containsEsc&&this.options.ecmaVersion>=8&&!isGenerator&&this.isAsyncProp(prop)){
isAsync=true;isGenerator=this.options.ecmaVersion>=9&&this.eat(types$1.star);this.parsePropertyName(prop)}else{isAsync=false}
this.parsePropertyValue(prop,isPattern,isGenerator,isAsync,startPos,startLoc,refDestructuringErrors,containsEsc);return this.
finishNode(prop,"Property")};pp$5.parseGetterSetter=function(prop){var kind=prop.key.name;this.parsePropertyName(prop);prop.
value=this.parseMethod(false);prop.kind=kind;var paramCount=prop.kind==="get"?0:1;if(prop.value.params.length!==paramCount){
var start=prop.value.start;if(prop.kind==="get"){this.raiseRecoverable(start,"getter should have no params")}else{this.raiseRecoverable(
start,"setter should have exactly one param")}}else{if(prop.kind==="set"&&prop.value.params[0].type==="RestElement"){this.
raiseRecoverable(prop.value.params[0].start,"Setter cannot use rest params")}}};pp$5.parsePropertyValue=function(prop,isPattern,isGenerator,isAsync,startPos,startLoc,refDestructuringErrors,containsEsc){
if((isGenerator||isAsync)&&this.type===types$1.colon){this.unexpected()}if(this.eat(types$1.colon)){prop.value=isPattern?
this.parseMaybeDefault(this.start,this.startLoc):this.parseMaybeAssign(false,refDestructuringErrors);prop.kind="init"}else if(this.
options.ecmaVersion>=6&&this.type===types$1.parenL){if(isPattern){this.unexpected()}prop.method=true;prop.value=this.parseMethod(
isGenerator,isAsync);prop.kind="init"}else if(!isPattern&&!containsEsc&&this.options.ecmaVersion>=5&&!prop.computed&&prop.
key.type==="Identifier"&&(prop.key.name==="get"||prop.key.name==="set")&&(this.type!==types$1.comma&&this.type!==types$1.
braceR&&this.type!==types$1.eq)){if(isGenerator||isAsync){this.unexpected()}this.parseGetterSetter(prop)}else if(this.options.
ecmaVersion>=6&&!prop.computed&&prop.key.type==="Identifier"){if(isGenerator||isAsync){this.unexpected()}this.checkUnreserved(
prop.key);if(prop.key.name==="await"&&!this.awaitIdentPos){this.awaitIdentPos=startPos}if(isPattern){prop.value=this.parseMaybeDefault(
startPos,startLoc,this.copyNode(prop.key))}else if(this.type===types$1.eq&&refDestructuringErrors){if(refDestructuringErrors.
shorthandAssign<0){refDestructuringErrors.shorthandAssign=this.start}prop.value=this.parseMaybeDefault(startPos,startLoc,
this.copyNode(prop.key))}else{prop.value=this.copyNode(prop.key)}prop.kind="init";prop.shorthand=true}else{this.unexpected()}};
pp$5.parsePropertyName=function(prop){if(this.options.ecmaVersion>=6){if(this.eat(types$1.bracketL)){prop.computed=true;
prop.key=this.parseMaybeAssign();this.expect(types$1.bracketR);return prop.key}else{prop.computed=false}}return prop.key=
this.type===types$1.num||this.type===types$1.string?this.parseExprAtom():this.parseIdent(this.options.allowReserved!=="n\
ever")};pp$5.initFunction=function(node){node.id=null;if(this.options.ecmaVersion>=6){node.generator=node.expression=false}
if(this.options.ecmaVersion>=8){node.async=false}};pp$5.parseMethod=function(isGenerator,isAsync,allowDirectSuper){var node=this.
startNode(),oldYieldPos=this.yieldPos,oldAwaitPos=this.awaitPos,oldAwaitIdentPos=this.awaitIdentPos;this.initFunction(node);
if(this.options.ecmaVersion>=6){node.generator=isGenerator}if(this.options.ecmaVersion>=8){node.async=!!isAsync}this.yieldPos=
0;this.awaitPos=0;this.awaitIdentPos=0;this.enterScope(functionFlags(isAsync,node.generator)|SCOPE_SUPER|(allowDirectSuper?
SCOPE_DIRECT_SUPER:0));this.expect(types$1.parenL);node.params=this.parseBindingList(types$1.parenR,false,this.options.ecmaVersion>=
8);this.checkYieldAwaitInDefaultParams();this.parseFunctionBody(node,false,true,false);this.yieldPos=oldYieldPos;this.awaitPos=
oldAwaitPos;this.awaitIdentPos=oldAwaitIdentPos;return this.finishNode(node,"FunctionExpression")};pp$5.parseArrowExpression=
function(node,params,isAsync,forInit){var oldYieldPos=this.yieldPos,oldAwaitPos=this.awaitPos,oldAwaitIdentPos=this.awaitIdentPos;
this.enterScope(functionFlags(isAsync,false)|SCOPE_ARROW);this.initFunction(node);if(this.options.ecmaVersion>=8){node.async=
!!isAsync}this.yieldPos=0;this.awaitPos=0;this.awaitIdentPos=0;node.params=this.toAssignableList(params,true);this.parseFunctionBody(
node,true,false,forInit);this.yieldPos=oldYieldPos;this.awaitPos=oldAwaitPos;this.awaitIdentPos=oldAwaitIdentPos;return this.
finishNode(node,"ArrowFunctionExpression")};pp$5.parseFunctionBody=function(node,isArrowFunction,isMethod,forInit){var isExpression=isArrowFunction&&
this.type!==types$1.braceL;var oldStrict=this.strict,useStrict=false;if(isExpression){node.body=this.parseMaybeAssign(forInit);
node.expression=true;this.checkParams(node,false)}else{var nonSimple=this.options.ecmaVersion>=7&&!this.isSimpleParamList(
node.params);if(!oldStrict||nonSimple){useStrict=this.strictDirective(this.end);if(useStrict&&nonSimple){this.raiseRecoverable(
node.start,"Illegal 'use strict' directive in function with non-simple parameter list")}}var oldLabels=this.labels;this.
labels=[];if(useStrict){this.strict=true}this.checkParams(node,!oldStrict&&!useStrict&&!isArrowFunction&&!isMethod&&this.
isSimpleParamList(node.params));if(this.strict&&node.id){this.checkLValSimple(node.id,BIND_OUTSIDE)}node.body=this.parseBlock(
false,void 0,useStrict&&!oldStrict);node.expression=false;this.adaptDirectivePrologue(node.body.body);this.labels=oldLabels}
this.exitScope()};pp$5.isSimpleParamList=function(params){for(var i2=0,list2=params;i2<list2.length;i2+=1){var param=list2[i2];
if(param.type!=="Identifier"){return false}}return true};pp$5.checkParams=function(node,allowDuplicates){var nameHash=Object.
create(null);for(var i2=0,list2=node.params;i2<list2.length;i2+=1){var param=list2[i2];this.checkLValInnerPattern(param,
BIND_VAR,allowDuplicates?null:nameHash)}};pp$5.parseExprList=function(close,allowTrailingComma,allowEmpty,refDestructuringErrors){
var elts=[],first=true;while(!this.eat(close)){if(!first){this.expect(types$1.comma);if(allowTrailingComma&&this.afterTrailingComma(
close)){break}}else{first=false}var elt=void 0;if(allowEmpty&&this.type===types$1.comma){elt=null}else if(this.type===types$1.
ellipsis){elt=this.parseSpread(refDestructuringErrors);if(refDestructuringErrors&&this.type===types$1.comma&&refDestructuringErrors.
trailingComma<0){refDestructuringErrors.trailingComma=this.start}}else{elt=this.parseMaybeAssign(false,refDestructuringErrors)}
elts.push(elt)}return elts};pp$5.checkUnreserved=function(ref2){var start=ref2.start;var end=ref2.end;var name=ref2.name;
if(this.inGenerator&&name==="yield"){this.raiseRecoverable(start,"Cannot use 'yield' as identifier inside a generator")}
if(this.inAsync&&name==="await"){this.raiseRecoverable(start,"Cannot use 'await' as identifier inside an async function")}
if(!(this.currentThisScope().flags&SCOPE_VAR)&&name==="arguments"){this.raiseRecoverable(start,"Cannot use 'arguments' i\
n class field initializer")}if(this.inClassStaticBlock&&(name==="arguments"||name==="await")){this.raise(start,"Cannot u\
se "+name+" in class static initialization block")}if(this.keywords.test(name)){this.raise(start,"Unexpected keyword '"+
name+"'")}if(this.options.ecmaVersion<6&&this.input.slice(start,end).indexOf("\\")!==-1){return}var re=this.strict?this.
reservedWordsStrict:this.reservedWords;if(re.test(name)){if(!this.inAsync&&name==="await"){this.raiseRecoverable(start,"\
Cannot use keyword 'await' outside an async function")}this.raiseRecoverable(start,"The keyword '"+name+"' is reserved")}};
pp$5.parseIdent=function(liberal){var node=this.parseIdentNode();this.next(!!liberal);this.finishNode(node,"Identifier");
if(!liberal){this.checkUnreserved(node);if(node.name==="await"&&!this.awaitIdentPos){this.awaitIdentPos=node.start}}return node};
pp$5.parseIdentNode=function(){var node=this.startNode();if(this.type===types$1.name){node.name=this.value}else if(this.
type.keyword){node.name=this.type.keyword;if((node.name==="class"||node.name==="function")&&(this.lastTokEnd!==this.lastTokStart+
1||this.input.charCodeAt(this.lastTokStart)!==46)){this.context.pop()}this.type=types$1.name}else{this.unexpected()}return node};
pp$5.parsePrivateIdent=function(){var node=this.startNode();if(this.type===types$1.privateId){node.name=this.value}else{
this.unexpected()}this.next();this.finishNode(node,"PrivateIdentifier");if(this.options.checkPrivateFields){if(this.privateNameStack.
length===0){this.raise(node.start,"Private field '#"+node.name+"' must be declared in an enclosing class")}else{this.privateNameStack[this.
privateNameStack.length-1].used.push(node)}}return node};pp$5.parseYield=function(forInit){if(!this.yieldPos){this.yieldPos=
this.start}var node=this.startNode();this.next();if(this.type===types$1.semi||this.canInsertSemicolon()||this.type!==types$1.
star&&!this.type.startsExpr){node.delegate=false;node.argument=null}else{node.delegate=this.eat(types$1.star);node.argument=
this.parseMaybeAssign(forInit)}return this.finishNode(node,"YieldExpression")};pp$5.parseAwait=function(forInit){if(!this.
awaitPos){this.awaitPos=this.start}var node=this.startNode();this.next();node.argument=this.parseMaybeUnary(null,true,false,
forInit);return this.finishNode(node,"AwaitExpression")};var pp$4=Parser.prototype;pp$4.raise=function(pos,message){var loc=getLineInfo(
this.input,pos);message+=" ("+loc.line+":"+loc.column+")";if(this.sourceFile){message+=" in "+this.sourceFile}var err=new SyntaxError(
message);err.pos=pos;err.loc=loc;err.raisedAt=this.pos;throw err};pp$4.raiseRecoverable=pp$4.raise;pp$4.curPosition=function(){
if(this.options.locations){return new Position(this.curLine,this.pos-this.lineStart)}};var pp$3=Parser.prototype;var Scope=function Scope2(flags){
this.flags=flags;this.var=[];this.lexical=[];this.functions=[]};pp$3.enterScope=function(flags){this.scopeStack.push(new Scope(
flags))};pp$3.exitScope=function(){this.scopeStack.pop()};pp$3.treatFunctionsAsVarInScope=function(scope){return scope.flags&
SCOPE_FUNCTION||!this.inModule&&scope.flags&SCOPE_TOP};pp$3.declareName=function(name,bindingType,pos){var redeclared=false;
if(bindingType===BIND_LEXICAL){var scope=this.currentScope();redeclared=scope.lexical.indexOf(name)>-1||scope.functions.
indexOf(name)>-1||scope.var.indexOf(name)>-1;scope.lexical.push(name);if(this.inModule&&scope.flags&SCOPE_TOP){delete this.
undefinedExports[name]}}else if(bindingType===BIND_SIMPLE_CATCH){var scope$1=this.currentScope();scope$1.lexical.push(name)}else if(bindingType===
BIND_FUNCTION){var scope$2=this.currentScope();if(this.treatFunctionsAsVar){redeclared=scope$2.lexical.indexOf(name)>-1}else{
redeclared=scope$2.lexical.indexOf(name)>-1||scope$2.var.indexOf(name)>-1}scope$2.functions.push(name)}else{for(var i2=this.
scopeStack.length-1;i2>=0;--i2){var scope$3=this.scopeStack[i2];if(scope$3.lexical.indexOf(name)>-1&&!(scope$3.flags&SCOPE_SIMPLE_CATCH&&
scope$3.lexical[0]===name)||!this.treatFunctionsAsVarInScope(scope$3)&&scope$3.functions.indexOf(name)>-1){redeclared=true;
break}scope$3.var.push(name);if(this.inModule&&scope$3.flags&SCOPE_TOP){delete this.undefinedExports[name]}if(scope$3.flags&
SCOPE_VAR){break}}}if(redeclared){this.raiseRecoverable(pos,"Identifier '"+name+"' has already been declared")}};pp$3.checkLocalExport=
function(id){if(this.scopeStack[0].lexical.indexOf(id.name)===-1&&this.scopeStack[0].var.indexOf(id.name)===-1){this.undefinedExports[id.
name]=id}};pp$3.currentScope=function(){return this.scopeStack[this.scopeStack.length-1]};pp$3.currentVarScope=function(){
for(var i2=this.scopeStack.length-1;;i2--){var scope=this.scopeStack[i2];if(scope.flags&(SCOPE_VAR|SCOPE_CLASS_FIELD_INIT|
SCOPE_CLASS_STATIC_BLOCK)){return scope}}};pp$3.currentThisScope=function(){for(var i2=this.scopeStack.length-1;;i2--){var scope=this.
scopeStack[i2];if(scope.flags&(SCOPE_VAR|SCOPE_CLASS_FIELD_INIT|SCOPE_CLASS_STATIC_BLOCK)&&!(scope.flags&SCOPE_ARROW)){return scope}}};
var Node=function Node2(parser,pos,loc){this.type="";this.start=pos;this.end=0;if(parser.options.locations){this.loc=new SourceLocation(
parser,loc)}if(parser.options.directSourceFile){this.sourceFile=parser.options.directSourceFile}if(parser.options.ranges){
this.range=[pos,0]}};var pp$2=Parser.prototype;pp$2.startNode=function(){return new Node(this,this.start,this.startLoc)};
pp$2.startNodeAt=function(pos,loc){return new Node(this,pos,loc)};function finishNodeAt(node,type,pos,loc){node.type=type;
node.end=pos;if(this.options.locations){node.loc.end=loc}if(this.options.ranges){node.range[1]=pos}return node}pp$2.finishNode=
function(node,type){return finishNodeAt.call(this,node,type,this.lastTokEnd,this.lastTokEndLoc)};pp$2.finishNodeAt=function(node,type,pos,loc){
return finishNodeAt.call(this,node,type,pos,loc)};pp$2.copyNode=function(node){var newNode=new Node(this,node.start,this.
startLoc);for(var prop in node){newNode[prop]=node[prop]}return newNode};var scriptValuesAddedInUnicode="Berf Beria_Erfe\
 Gara Garay Gukh Gurung_Khema Hrkt Katakana_Or_Hiragana Kawi Kirat_Rai Krai Nag_Mundari Nagm Ol_Onal Onao Sidetic Sidt S\
unu Sunuwar Tai_Yo Tayo Todhri Todr Tolong_Siki Tols Tulu_Tigalari Tutg Unknown Zzzz";var ecma9BinaryProperties="ASCII A\
SCII_Hex_Digit AHex Alphabetic Alpha Any Assigned Bidi_Control Bidi_C Bidi_Mirrored Bidi_M Case_Ignorable CI Cased Chang\
es_When_Casefolded CWCF Changes_When_Casemapped CWCM Changes_When_Lowercased CWL Changes_When_NFKC_Casefolded CWKCF Chan\
ges_When_Titlecased CWT Changes_When_Uppercased CWU Dash Default_Ignorable_Code_Point DI Deprecated Dep Diacritic Dia Em\
oji Emoji_Component Emoji_Modifier Emoji_Modifier_Base Emoji_Presentation Extender Ext Grapheme_Base Gr_Base Grapheme_Ex\
tend Gr_Ext Hex_Digit Hex IDS_Binary_Operator IDSB IDS_Trinary_Operator IDST ID_Continue IDC ID_Start IDS Ideographic Id\
eo Join_Control Join_C Logical_Order_Exception LOE Lowercase Lower Math Noncharacter_Code_Point NChar Pattern_Syntax Pat\
_Syn Pattern_White_Space Pat_WS Quotation_Mark QMark Radical Regional_Indicator RI Sentence_Terminal STerm Soft_Dotted S\
D Terminal_Punctuation Term Unified_Ideograph UIdeo Uppercase Upper Variation_Selector VS White_Space space XID_Continue\
 XIDC XID_Start XIDS";var ecma10BinaryProperties=ecma9BinaryProperties+" Extended_Pictographic";var ecma11BinaryProperties=ecma10BinaryProperties;
var ecma12BinaryProperties=ecma11BinaryProperties+" EBase EComp EMod EPres ExtPict";var ecma13BinaryProperties=ecma12BinaryProperties;
var ecma14BinaryProperties=ecma13BinaryProperties;var unicodeBinaryProperties={9:ecma9BinaryProperties,10:ecma10BinaryProperties,
11:ecma11BinaryProperties,12:ecma12BinaryProperties,13:ecma13BinaryProperties,14:ecma14BinaryProperties};var ecma14BinaryPropertiesOfStrings="\
Basic_Emoji Emoji_Keycap_Sequence RGI_Emoji_Modifier_Sequence RGI_Emoji_Flag_Sequence RGI_Emoji_Tag_Sequence RGI_Emoji_Z\
WJ_Sequence RGI_Emoji";var unicodeBinaryPropertiesOfStrings={9:"",10:"",11:"",12:"",13:"",14:ecma14BinaryPropertiesOfStrings};
var unicodeGeneralCategoryValues="Cased_Letter LC Close_Punctuation Pe Connector_Punctuation Pc Control Cc cntrl Currenc\
y_Symbol Sc Dash_Punctuation Pd Decimal_Number Nd digit Enclosing_Mark Me Final_Punctuation Pf Format Cf Initial_Punctua\
tion Pi Letter L Letter_Number Nl Line_Separator Zl Lowercase_Letter Ll Mark M Combining_Mark Math_Symbol Sm Modifier_Le\
tter Lm Modifier_Symbol Sk Nonspacing_Mark Mn Number N Open_Punctuation Ps Other C Other_Letter Lo Other_Number No Other\
_Punctuation Po Other_Symbol So Paragraph_Separator Zp Private_Use Co Punctuation P punct Separator Z Space_Separator Zs\
 Spacing_Mark Mc Surrogate Cs Symbol S Titlecase_Letter Lt Unassigned Cn Uppercase_Letter Lu";var ecma9ScriptValues="Adl\
am Adlm Ahom Anatolian_Hieroglyphs Hluw Arabic Arab Armenian Armn Avestan Avst Balinese Bali Bamum Bamu Bassa_Vah Bass B\
atak Batk Bengali Beng Bhaiksuki Bhks Bopomofo Bopo Brahmi Brah Braille Brai Buginese Bugi Buhid Buhd Canadian_Aborigina\
l Cans Carian Cari Caucasian_Albanian Aghb Chakma Cakm Cham Cham Cherokee Cher Common Zyyy Coptic Copt Qaac Cuneiform Xs\
ux Cypriot Cprt Cyrillic Cyrl Deseret Dsrt Devanagari Deva Duployan Dupl Egyptian_Hieroglyphs Egyp Elbasan Elba Ethiopic\
 Ethi Georgian Geor Glagolitic Glag Gothic Goth Grantha Gran Greek Grek Gujarati Gujr Gurmukhi Guru Han Hani Hangul Hang\
 Hanunoo Hano Hatran Hatr Hebrew Hebr Hiragana Hira Imperial_Aramaic Armi Inherited Zinh Qaai Inscriptional_Pahlavi Phli\
 Inscriptional_Parthian Prti Javanese Java Kaithi Kthi Kannada Knda Katakana Kana Kayah_Li Kali Kharoshthi Khar Khmer Kh\
mr Khojki Khoj Khudawadi Sind Lao Laoo Latin Latn Lepcha Lepc Limbu Limb Linear_A Lina Linear_B Linb Lisu Lisu Lycian Ly\
ci Lydian Lydi Mahajani Mahj Malayalam Mlym Mandaic Mand Manichaean Mani Marchen Marc Masaram_Gondi Gonm Meetei_Mayek Mt\
ei Mende_Kikakui Mend Meroitic_Cursive Merc Meroitic_Hieroglyphs Mero Miao Plrd Modi Mongolian Mong Mro Mroo Multani Mul\
t Myanmar Mymr Nabataean Nbat New_Tai_Lue Talu Newa Newa Nko Nkoo Nushu Nshu Ogham Ogam Ol_Chiki Olck Old_Hungarian Hung\
 Old_Italic Ital Old_North_Arabian Narb Old_Permic Perm Old_Persian Xpeo Old_South_Arabian Sarb Old_Turkic Orkh Oriya Or\
ya Osage Osge Osmanya Osma Pahawh_Hmong Hmng Palmyrene Palm Pau_Cin_Hau Pauc Phags_Pa Phag Phoenician Phnx Psalter_Pahla\
vi Phlp Rejang Rjng Runic Runr Samaritan Samr Saurashtra Saur Sharada Shrd Shavian Shaw Siddham Sidd SignWriting Sgnw Si\
nhala Sinh Sora_Sompeng Sora Soyombo Soyo Sundanese Sund Syloti_Nagri Sylo Syriac Syrc Tagalog Tglg Tagbanwa Tagb Tai_Le\
 Tale Tai_Tham Lana Tai_Viet Tavt Takri Takr Tamil Taml Tangut Tang Telugu Telu Thaana Thaa Thai Thai Tibetan Tibt Tifin\
agh Tfng Tirhuta Tirh Ugaritic Ugar Vai Vaii Warang_Citi Wara Yi Yiii Zanabazar_Square Zanb";var ecma10ScriptValues=ecma9ScriptValues+
" Dogra Dogr Gunjala_Gondi Gong Hanifi_Rohingya Rohg Makasar Maka Medefaidrin Medf Old_Sogdian Sogo Sogdian Sogd";var ecma11ScriptValues=ecma10ScriptValues+
" Elymaic Elym Nandinagari Nand Nyiakeng_Puachue_Hmong Hmnp Wancho Wcho";var ecma12ScriptValues=ecma11ScriptValues+" Cho\
rasmian Chrs Diak Dives_Akuru Khitan_Small_Script Kits Yezi Yezidi";var ecma13ScriptValues=ecma12ScriptValues+" Cypro_Mi\
noan Cpmn Old_Uyghur Ougr Tangsa Tnsa Toto Vithkuqi Vith";var ecma14ScriptValues=ecma13ScriptValues+" "+scriptValuesAddedInUnicode;
var unicodeScriptValues={9:ecma9ScriptValues,10:ecma10ScriptValues,11:ecma11ScriptValues,12:ecma12ScriptValues,13:ecma13ScriptValues,
14:ecma14ScriptValues};var data={};function buildUnicodeData(ecmaVersion2){var d=data[ecmaVersion2]={binary:wordsRegexp(
unicodeBinaryProperties[ecmaVersion2]+" "+unicodeGeneralCategoryValues),binaryOfStrings:wordsRegexp(unicodeBinaryPropertiesOfStrings[ecmaVersion2]),
nonBinary:{General_Category:wordsRegexp(unicodeGeneralCategoryValues),Script:wordsRegexp(unicodeScriptValues[ecmaVersion2])}};
d.nonBinary.Script_Extensions=d.nonBinary.Script;d.nonBinary.gc=d.nonBinary.General_Category;d.nonBinary.sc=d.nonBinary.
Script;d.nonBinary.scx=d.nonBinary.Script_Extensions}for(i=0,list=[9,10,11,12,13,14];i<list.length;i+=1){ecmaVersion=list[i];
buildUnicodeData(ecmaVersion)}var ecmaVersion;var i;var list;var pp$1=Parser.prototype;var BranchID=function BranchID2(parent,base){
this.parent=parent;this.base=base||this};BranchID.prototype.separatedFrom=function separatedFrom(alt){for(var self=this;self;self=
self.parent){for(var other=alt;other;other=other.parent){if(self.base===other.base&&self!==other){return true}}}return false};
BranchID.prototype.sibling=function sibling(){return new BranchID(this.parent,this.base)};var RegExpValidationState=function RegExpValidationState2(parser){
this.parser=parser;this.validFlags="gim"+(parser.options.ecmaVersion>=6?"uy":"")+(parser.options.ecmaVersion>=9?"s":"")+
(parser.options.ecmaVersion>=13?"d":"")+(parser.options.ecmaVersion>=15?"v":"");this.unicodeProperties=data[parser.options.
ecmaVersion>=14?14:parser.options.ecmaVersion];this.source="";this.flags="";this.start=0;this.switchU=false;this.switchV=
false;this.switchN=false;this.pos=0;this.lastIntValue=0;this.lastStringValue="";this.lastAssertionIsQuantifiable=false;this.
numCapturingParens=0;this.maxBackReference=0;this.groupNames=Object.create(null);this.backReferenceNames=[];this.branchID=
null};RegExpValidationState.prototype.reset=function reset(start,pattern,flags){var unicodeSets=flags.indexOf("v")!==-1;
var unicode=flags.indexOf("u")!==-1;this.start=start|0;this.source=pattern+"";this.flags=flags;if(unicodeSets&&this.parser.
options.ecmaVersion>=15){this.switchU=true;this.switchV=true;this.switchN=true}else{this.switchU=unicode&&this.parser.options.
ecmaVersion>=6;this.switchV=false;this.switchN=unicode&&this.parser.options.ecmaVersion>=9}};RegExpValidationState.prototype.
raise=function raise(message){this.parser.raiseRecoverable(this.start,"Invalid regular expression: /"+this.source+"/: "+
message)};RegExpValidationState.prototype.at=function at(i2,forceU){if(forceU===void 0)forceU=false;var s=this.source;var l=s.
length;if(i2>=l){return-1}var c=s.charCodeAt(i2);if(!(forceU||this.switchU)||c<=55295||c>=57344||i2+1>=l){return c}var next=s.
charCodeAt(i2+1);return next>=56320&&next<=57343?(c<<10)+next-56613888:c};RegExpValidationState.prototype.nextIndex=function nextIndex(i2,forceU){
if(forceU===void 0)forceU=false;var s=this.source;var l=s.length;if(i2>=l){return l}var c=s.charCodeAt(i2),next;if(!(forceU||
this.switchU)||c<=55295||c>=57344||i2+1>=l||(next=s.charCodeAt(i2+1))<56320||next>57343){return i2+1}return i2+2};RegExpValidationState.
prototype.current=function current(forceU){if(forceU===void 0)forceU=false;return this.at(this.pos,forceU)};RegExpValidationState.
prototype.lookahead=function lookahead(forceU){if(forceU===void 0)forceU=false;return this.at(this.nextIndex(this.pos,forceU),
forceU)};RegExpValidationState.prototype.advance=function advance(forceU){if(forceU===void 0)forceU=false;this.pos=this.
nextIndex(this.pos,forceU)};RegExpValidationState.prototype.eat=function eat(ch,forceU){if(forceU===void 0)forceU=false;
if(this.current(forceU)===ch){this.advance(forceU);return true}return false};RegExpValidationState.prototype.eatChars=function eatChars(chs,forceU){
if(forceU===void 0)forceU=false;var pos=this.pos;for(var i2=0,list2=chs;i2<list2.length;i2+=1){var ch=list2[i2];var current2=this.
at(pos,forceU);if(current2===-1||current2!==ch){return false}pos=this.nextIndex(pos,forceU)}this.pos=pos;return true};pp$1.
validateRegExpFlags=function(state){var validFlags=state.validFlags;var flags=state.flags;var u=false;var v=false;for(var i2=0;i2<
flags.length;i2++){var flag=flags.charAt(i2);if(validFlags.indexOf(flag)===-1){this.raise(state.start,"Invalid regular e\
xpression flag")}if(flags.indexOf(flag,i2+1)>-1){this.raise(state.start,"Duplicate regular expression flag")}if(flag==="\
u"){u=true}if(flag==="v"){v=true}}if(this.options.ecmaVersion>=15&&u&&v){this.raise(state.start,"Invalid regular express\
ion flag")}};function hasProp(obj){for(var _ in obj){return true}return false}pp$1.validateRegExpPattern=function(state){
this.regexp_pattern(state);if(!state.switchN&&this.options.ecmaVersion>=9&&hasProp(state.groupNames)){state.switchN=true;
this.regexp_pattern(state)}};pp$1.regexp_pattern=function(state){state.pos=0;state.lastIntValue=0;state.lastStringValue=
"";state.lastAssertionIsQuantifiable=false;state.numCapturingParens=0;state.maxBackReference=0;state.groupNames=Object.create(
null);state.backReferenceNames.length=0;state.branchID=null;this.regexp_disjunction(state);if(state.pos!==state.source.length){
if(state.eat(41)){state.raise("Unmatched ')'")}if(state.eat(93)||state.eat(125)){state.raise("Lone quantifier brackets")}}
if(state.maxBackReference>state.numCapturingParens){state.raise("Invalid escape")}for(var i2=0,list2=state.backReferenceNames;i2<
list2.length;i2+=1){var name=list2[i2];if(!state.groupNames[name]){state.raise("Invalid named capture referenced")}}};pp$1.
regexp_disjunction=function(state){var trackDisjunction=this.options.ecmaVersion>=16;if(trackDisjunction){state.branchID=
new BranchID(state.branchID,null)}this.regexp_alternative(state);while(state.eat(124)){if(trackDisjunction){state.branchID=
state.branchID.sibling()}this.regexp_alternative(state)}if(trackDisjunction){state.branchID=state.branchID.parent}if(this.
regexp_eatQuantifier(state,true)){state.raise("Nothing to repeat")}if(state.eat(123)){state.raise("Lone quantifier brack\
ets")}};pp$1.regexp_alternative=function(state){while(state.pos<state.source.length&&this.regexp_eatTerm(state)){}};pp$1.
regexp_eatTerm=function(state){if(this.regexp_eatAssertion(state)){if(state.lastAssertionIsQuantifiable&&this.regexp_eatQuantifier(
state)){if(state.switchU){state.raise("Invalid quantifier")}}return true}if(state.switchU?this.regexp_eatAtom(state):this.
regexp_eatExtendedAtom(state)){this.regexp_eatQuantifier(state);return true}return false};pp$1.regexp_eatAssertion=function(state){
var start=state.pos;state.lastAssertionIsQuantifiable=false;if(state.eat(94)||state.eat(36)){return true}if(state.eat(92)){
if(state.eat(66)||state.eat(98)){return true}state.pos=start}if(state.eat(40)&&state.eat(63)){var lookbehind=false;if(this.
options.ecmaVersion>=9){lookbehind=state.eat(60)}if(state.eat(61)||state.eat(33)){this.regexp_disjunction(state);if(!state.
eat(41)){state.raise("Unterminated group")}state.lastAssertionIsQuantifiable=!lookbehind;return true}}state.pos=start;return false};
pp$1.regexp_eatQuantifier=function(state,noError){if(noError===void 0)noError=false;if(this.regexp_eatQuantifierPrefix(state,
noError)){state.eat(63);return true}return false};pp$1.regexp_eatQuantifierPrefix=function(state,noError){return state.eat(
42)||state.eat(43)||state.eat(63)||this.regexp_eatBracedQuantifier(state,noError)};pp$1.regexp_eatBracedQuantifier=function(state,noError){
var start=state.pos;if(state.eat(123)){var min=0,max=-1;if(this.regexp_eatDecimalDigits(state)){min=state.lastIntValue;if(state.
eat(44)&&this.regexp_eatDecimalDigits(state)){max=state.lastIntValue}if(state.eat(125)){if(max!==-1&&max<min&&!noError){
state.raise("numbers out of order in {} quantifier")}return true}}if(state.switchU&&!noError){state.raise("Incomplete qu\
antifier")}state.pos=start}return false};pp$1.regexp_eatAtom=function(state){return this.regexp_eatPatternCharacters(state)||
state.eat(46)||this.regexp_eatReverseSolidusAtomEscape(state)||this.regexp_eatCharacterClass(state)||this.regexp_eatUncapturingGroup(
state)||this.regexp_eatCapturingGroup(state)};pp$1.regexp_eatReverseSolidusAtomEscape=function(state){var start=state.pos;
if(state.eat(92)){if(this.regexp_eatAtomEscape(state)){return true}state.pos=start}return false};pp$1.regexp_eatUncapturingGroup=
function(state){var start=state.pos;if(state.eat(40)){if(state.eat(63)){if(this.options.ecmaVersion>=16){var addModifiers=this.
regexp_eatModifiers(state);var hasHyphen=state.eat(45);if(addModifiers||hasHyphen){for(var i2=0;i2<addModifiers.length;i2++){
var modifier=addModifiers.charAt(i2);if(addModifiers.indexOf(modifier,i2+1)>-1){state.raise("Duplicate regular expressio\
n modifiers")}}if(hasHyphen){var removeModifiers=this.regexp_eatModifiers(state);if(!addModifiers&&!removeModifiers&&state.
current()===58){state.raise("Invalid regular expression modifiers")}for(var i$1=0;i$1<removeModifiers.length;i$1++){var modifier$1=removeModifiers.
charAt(i$1);if(removeModifiers.indexOf(modifier$1,i$1+1)>-1||addModifiers.indexOf(modifier$1)>-1){state.raise("Duplicate\
 regular expression modifiers")}}}}}if(state.eat(58)){this.regexp_disjunction(state);if(state.eat(41)){return true}state.
raise("Unterminated group")}}state.pos=start}return false};pp$1.regexp_eatCapturingGroup=function(state){if(state.eat(40)){
if(this.options.ecmaVersion>=9){this.regexp_groupSpecifier(state)}else if(state.current()===63){state.raise("Invalid gro\
up")}this.regexp_disjunction(state);if(state.eat(41)){state.numCapturingParens+=1;return true}state.raise("Unterminated \
group")}return false};pp$1.regexp_eatModifiers=function(state){var modifiers="";var ch=0;while((ch=state.current())!==-1&&
isRegularExpressionModifier(ch)){modifiers+=codePointToString(ch);state.advance()}return modifiers};function isRegularExpressionModifier(ch){
return ch===105||ch===109||ch===115}pp$1.regexp_eatExtendedAtom=function(state){return state.eat(46)||this.regexp_eatReverseSolidusAtomEscape(
state)||this.regexp_eatCharacterClass(state)||this.regexp_eatUncapturingGroup(state)||this.regexp_eatCapturingGroup(state)||
this.regexp_eatInvalidBracedQuantifier(state)||this.regexp_eatExtendedPatternCharacter(state)};pp$1.regexp_eatInvalidBracedQuantifier=
function(state){if(this.regexp_eatBracedQuantifier(state,true)){state.raise("Nothing to repeat")}return false};pp$1.regexp_eatSyntaxCharacter=
function(state){var ch=state.current();if(isSyntaxCharacter(ch)){state.lastIntValue=ch;state.advance();return true}return false};
function isSyntaxCharacter(ch){return ch===36||ch>=40&&ch<=43||ch===46||ch===63||ch>=91&&ch<=94||ch>=123&&ch<=125}pp$1.regexp_eatPatternCharacters=
function(state){var start=state.pos;var ch=0;while((ch=state.current())!==-1&&!isSyntaxCharacter(ch)){state.advance()}return state.
pos!==start};pp$1.regexp_eatExtendedPatternCharacter=function(state){var ch=state.current();if(ch!==-1&&ch!==36&&!(ch>=40&&
ch<=43)&&ch!==46&&ch!==63&&ch!==91&&ch!==94&&ch!==124){state.advance();return true}return false};pp$1.regexp_groupSpecifier=
function(state){if(state.eat(63)){if(!this.regexp_eatGroupName(state)){state.raise("Invalid group")}var trackDisjunction=this.
options.ecmaVersion>=16;var known=state.groupNames[state.lastStringValue];if(known){if(trackDisjunction){for(var i2=0,list2=known;i2<
list2.length;i2+=1){var altID=list2[i2];if(!altID.separatedFrom(state.branchID)){state.raise("Duplicate capture group na\
me")}}}else{state.raise("Duplicate capture group name")}}if(trackDisjunction){(known||(state.groupNames[state.lastStringValue]=
[])).push(state.branchID)}else{state.groupNames[state.lastStringValue]=true}}};pp$1.regexp_eatGroupName=function(state){
state.lastStringValue="";if(state.eat(60)){if(this.regexp_eatRegExpIdentifierName(state)&&state.eat(62)){return true}state.
raise("Invalid capture group name")}return false};pp$1.regexp_eatRegExpIdentifierName=function(state){state.lastStringValue=
"";if(this.regexp_eatRegExpIdentifierStart(state)){state.lastStringValue+=codePointToString(state.lastIntValue);while(this.
regexp_eatRegExpIdentifierPart(state)){state.lastStringValue+=codePointToString(state.lastIntValue)}return true}return false};
pp$1.regexp_eatRegExpIdentifierStart=function(state){var start=state.pos;var forceU=this.options.ecmaVersion>=11;var ch=state.
current(forceU);state.advance(forceU);if(ch===92&&this.regexp_eatRegExpUnicodeEscapeSequence(state,forceU)){ch=state.lastIntValue}
if(isRegExpIdentifierStart(ch)){state.lastIntValue=ch;return true}state.pos=start;return false};function isRegExpIdentifierStart(ch){
return isIdentifierStart(ch,true)||ch===36||ch===95}pp$1.regexp_eatRegExpIdentifierPart=function(state){var start=state.
pos;var forceU=this.options.ecmaVersion>=11;var ch=state.current(forceU);state.advance(forceU);if(ch===92&&this.regexp_eatRegExpUnicodeEscapeSequence(
state,forceU)){ch=state.lastIntValue}if(isRegExpIdentifierPart(ch)){state.lastIntValue=ch;return true}state.pos=start;return false};
function isRegExpIdentifierPart(ch){return isIdentifierChar(ch,true)||ch===36||ch===95||ch===8204||ch===8205}pp$1.regexp_eatAtomEscape=
function(state){if(this.regexp_eatBackReference(state)||this.regexp_eatCharacterClassEscape(state)||this.regexp_eatCharacterEscape(
state)||state.switchN&&this.regexp_eatKGroupName(state)){return true}if(state.switchU){if(state.current()===99){state.raise(
"Invalid unicode escape")}state.raise("Invalid escape")}return false};pp$1.regexp_eatBackReference=function(state){var start=state.
pos;if(this.regexp_eatDecimalEscape(state)){var n=state.lastIntValue;if(state.switchU){if(n>state.maxBackReference){state.
maxBackReference=n}return true}if(n<=state.numCapturingParens){return true}state.pos=start}return false};pp$1.regexp_eatKGroupName=
function(state){if(state.eat(107)){if(this.regexp_eatGroupName(state)){state.backReferenceNames.push(state.lastStringValue);
return true}state.raise("Invalid named reference")}return false};pp$1.regexp_eatCharacterEscape=function(state){return this.
regexp_eatControlEscape(state)||this.regexp_eatCControlLetter(state)||this.regexp_eatZero(state)||this.regexp_eatHexEscapeSequence(
state)||this.regexp_eatRegExpUnicodeEscapeSequence(state,false)||!state.switchU&&this.regexp_eatLegacyOctalEscapeSequence(
state)||this.regexp_eatIdentityEscape(state)};pp$1.regexp_eatCControlLetter=function(state){var start=state.pos;if(state.
eat(99)){if(this.regexp_eatControlLetter(state)){return true}state.pos=start}return false};pp$1.regexp_eatZero=function(state){
if(state.current()===48&&!isDecimalDigit(state.lookahead())){state.lastIntValue=0;state.advance();return true}return false};
pp$1.regexp_eatControlEscape=function(state){var ch=state.current();if(ch===116){state.lastIntValue=9;state.advance();return true}
if(ch===110){state.lastIntValue=10;state.advance();return true}if(ch===118){state.lastIntValue=11;state.advance();return true}
if(ch===102){state.lastIntValue=12;state.advance();return true}if(ch===114){state.lastIntValue=13;state.advance();return true}
return false};pp$1.regexp_eatControlLetter=function(state){var ch=state.current();if(isControlLetter(ch)){state.lastIntValue=
ch%32;state.advance();return true}return false};function isControlLetter(ch){return ch>=65&&ch<=90||ch>=97&&ch<=122}pp$1.
regexp_eatRegExpUnicodeEscapeSequence=function(state,forceU){if(forceU===void 0)forceU=false;var start=state.pos;var switchU=forceU||
state.switchU;if(state.eat(117)){if(this.regexp_eatFixedHexDigits(state,4)){var lead=state.lastIntValue;if(switchU&&lead>=
55296&&lead<=56319){var leadSurrogateEnd=state.pos;if(state.eat(92)&&state.eat(117)&&this.regexp_eatFixedHexDigits(state,
4)){var trail=state.lastIntValue;if(trail>=56320&&trail<=57343){state.lastIntValue=(lead-55296)*1024+(trail-56320)+65536;
return true}}state.pos=leadSurrogateEnd;state.lastIntValue=lead}return true}if(switchU&&state.eat(123)&&this.regexp_eatHexDigits(
state)&&state.eat(125)&&isValidUnicode(state.lastIntValue)){return true}if(switchU){state.raise("Invalid unicode escape")}
state.pos=start}return false};function isValidUnicode(ch){return ch>=0&&ch<=1114111}pp$1.regexp_eatIdentityEscape=function(state){
if(state.switchU){if(this.regexp_eatSyntaxCharacter(state)){return true}if(state.eat(47)){state.lastIntValue=47;return true}
return false}var ch=state.current();if(ch!==99&&(!state.switchN||ch!==107)){state.lastIntValue=ch;state.advance();return true}
return false};pp$1.regexp_eatDecimalEscape=function(state){state.lastIntValue=0;var ch=state.current();if(ch>=49&&ch<=57){
do{state.lastIntValue=10*state.lastIntValue+(ch-48);state.advance()}while((ch=state.current())>=48&&ch<=57);return true}
return false};var CharSetNone=0;var CharSetOk=1;var CharSetString=2;pp$1.regexp_eatCharacterClassEscape=function(state){
var ch=state.current();if(isCharacterClassEscape(ch)){state.lastIntValue=-1;state.advance();return CharSetOk}var negate=false;
if(state.switchU&&this.options.ecmaVersion>=9&&((negate=ch===80)||ch===112)){state.lastIntValue=-1;state.advance();var result;
if(state.eat(123)&&(result=this.regexp_eatUnicodePropertyValueExpression(state))&&state.eat(125)){if(negate&&result===CharSetString){
state.raise("Invalid property name")}return result}state.raise("Invalid property name")}return CharSetNone};function isCharacterClassEscape(ch){
return ch===100||ch===68||ch===115||ch===83||ch===119||ch===87}pp$1.regexp_eatUnicodePropertyValueExpression=function(state){
var start=state.pos;if(this.regexp_eatUnicodePropertyName(state)&&state.eat(61)){var name=state.lastStringValue;if(this.
regexp_eatUnicodePropertyValue(state)){var value=state.lastStringValue;this.regexp_validateUnicodePropertyNameAndValue(state,
name,value);return CharSetOk}}state.pos=start;if(this.regexp_eatLoneUnicodePropertyNameOrValue(state)){var nameOrValue=state.
lastStringValue;return this.regexp_validateUnicodePropertyNameOrValue(state,nameOrValue)}return CharSetNone};pp$1.regexp_validateUnicodePropertyNameAndValue=
function(state,name,value){if(!hasOwn(state.unicodeProperties.nonBinary,name)){state.raise("Invalid property name")}if(!state.
unicodeProperties.nonBinary[name].test(value)){state.raise("Invalid property value")}};pp$1.regexp_validateUnicodePropertyNameOrValue=
function(state,nameOrValue){if(state.unicodeProperties.binary.test(nameOrValue)){return CharSetOk}if(state.switchV&&state.
unicodeProperties.binaryOfStrings.test(nameOrValue)){return CharSetString}state.raise("Invalid property name")};pp$1.regexp_eatUnicodePropertyName=
function(state){var ch=0;state.lastStringValue="";while(isUnicodePropertyNameCharacter(ch=state.current())){state.lastStringValue+=
codePointToString(ch);state.advance()}return state.lastStringValue!==""};function isUnicodePropertyNameCharacter(ch){return isControlLetter(
ch)||ch===95}pp$1.regexp_eatUnicodePropertyValue=function(state){var ch=0;state.lastStringValue="";while(isUnicodePropertyValueCharacter(
ch=state.current())){state.lastStringValue+=codePointToString(ch);state.advance()}return state.lastStringValue!==""};function isUnicodePropertyValueCharacter(ch){
return isUnicodePropertyNameCharacter(ch)||isDecimalDigit(ch)}pp$1.regexp_eatLoneUnicodePropertyNameOrValue=function(state){
return this.regexp_eatUnicodePropertyValue(state)};pp$1.regexp_eatCharacterClass=function(state){if(state.eat(91)){var negate=state.
eat(94);var result=this.regexp_classContents(state);if(!state.eat(93)){state.raise("Unterminated character class")}if(negate&&
result===CharSetString){state.raise("Negated character class may contain strings")}return true}return false};pp$1.regexp_classContents=
function(state){if(state.current()===93){return CharSetOk}if(state.switchV){return this.regexp_classSetExpression(state)}
this.regexp_nonEmptyClassRanges(state);return CharSetOk};pp$1.regexp_nonEmptyClassRanges=function(state){while(this.regexp_eatClassAtom(
state)){var left=state.lastIntValue;if(state.eat(45)&&this.regexp_eatClassAtom(state)){var right=state.lastIntValue;if(state.
switchU&&(left===-1||right===-1)){state.raise("Invalid character class")}if(left!==-1&&right!==-1&&left>right){state.raise(
"Range out of order in character class")}}}};pp$1.regexp_eatClassAtom=function(state){var start=state.pos;if(state.eat(92)){
if(this.regexp_eatClassEscape(state)){return true}if(state.switchU){var ch$1=state.current();if(ch$1===99||isOctalDigit(
ch$1)){state.raise("Invalid class escape")}state.raise("Invalid escape")}state.pos=start}var ch=state.current();if(ch!==
93){state.lastIntValue=ch;state.advance();return true}return false};pp$1.regexp_eatClassEscape=function(state){var start=state.
pos;if(state.eat(98)){state.lastIntValue=8;return true}if(state.switchU&&state.eat(45)){state.lastIntValue=45;return true}
if(!state.switchU&&state.eat(99)){if(this.regexp_eatClassControlLetter(state)){return true}state.pos=start}return this.regexp_eatCharacterClassEscape(
state)||this.regexp_eatCharacterEscape(state)};pp$1.regexp_classSetExpression=function(state){var result=CharSetOk,subResult;
if(this.regexp_eatClassSetRange(state));else if(subResult=this.regexp_eatClassSetOperand(state)){if(subResult===CharSetString){
result=CharSetString}var start=state.pos;while(state.eatChars([38,38])){if(state.current()!==38&&(subResult=this.regexp_eatClassSetOperand(
state))){if(subResult!==CharSetString){result=CharSetOk}continue}state.raise("Invalid character in character class")}if(start!==
state.pos){return result}while(state.eatChars([45,45])){if(this.regexp_eatClassSetOperand(state)){continue}state.raise("\
Invalid character in character class")}if(start!==state.pos){return result}}else{state.raise("Invalid character in chara\
cter class")}for(;;){if(this.regexp_eatClassSetRange(state)){continue}subResult=this.regexp_eatClassSetOperand(state);if(!subResult){
return result}if(subResult===CharSetString){result=CharSetString}}};pp$1.regexp_eatClassSetRange=function(state){var start=state.
pos;if(this.regexp_eatClassSetCharacter(state)){var left=state.lastIntValue;if(state.eat(45)&&this.regexp_eatClassSetCharacter(
state)){var right=state.lastIntValue;if(left!==-1&&right!==-1&&left>right){state.raise("Range out of order in character \
class")}return true}state.pos=start}return false};pp$1.regexp_eatClassSetOperand=function(state){if(this.regexp_eatClassSetCharacter(
state)){return CharSetOk}return this.regexp_eatClassStringDisjunction(state)||this.regexp_eatNestedClass(state)};pp$1.regexp_eatNestedClass=
function(state){var start=state.pos;if(state.eat(91)){var negate=state.eat(94);var result=this.regexp_classContents(state);
if(state.eat(93)){if(negate&&result===CharSetString){state.raise("Negated character class may contain strings")}return result}
state.pos=start}if(state.eat(92)){var result$1=this.regexp_eatCharacterClassEscape(state);if(result$1){return result$1}state.
pos=start}return null};pp$1.regexp_eatClassStringDisjunction=function(state){var start=state.pos;if(state.eatChars([92,113])){
if(state.eat(123)){var result=this.regexp_classStringDisjunctionContents(state);if(state.eat(125)){return result}}else{state.
raise("Invalid escape")}state.pos=start}return null};pp$1.regexp_classStringDisjunctionContents=function(state){var result=this.
regexp_classString(state);while(state.eat(124)){if(this.regexp_classString(state)===CharSetString){result=CharSetString}}
return result};pp$1.regexp_classString=function(state){var count=0;while(this.regexp_eatClassSetCharacter(state)){count++}
return count===1?CharSetOk:CharSetString};pp$1.regexp_eatClassSetCharacter=function(state){var start=state.pos;if(state.
eat(92)){if(this.regexp_eatCharacterEscape(state)||this.regexp_eatClassSetReservedPunctuator(state)){return true}if(state.
eat(98)){state.lastIntValue=8;return true}state.pos=start;return false}var ch=state.current();if(ch<0||ch===state.lookahead()&&
isClassSetReservedDoublePunctuatorCharacter(ch)){return false}if(isClassSetSyntaxCharacter(ch)){return false}state.advance();
state.lastIntValue=ch;return true};function isClassSetReservedDoublePunctuatorCharacter(ch){return ch===33||ch>=35&&ch<=
38||ch>=42&&ch<=44||ch===46||ch>=58&&ch<=64||ch===94||ch===96||ch===126}function isClassSetSyntaxCharacter(ch){return ch===
40||ch===41||ch===45||ch===47||ch>=91&&ch<=93||ch>=123&&ch<=125}pp$1.regexp_eatClassSetReservedPunctuator=function(state){
var ch=state.current();if(isClassSetReservedPunctuator(ch)){state.lastIntValue=ch;state.advance();return true}return false};
function isClassSetReservedPunctuator(ch){return ch===33||ch===35||ch===37||ch===38||ch===44||ch===45||ch>=58&&ch<=62||ch===
64||ch===96||ch===126}pp$1.regexp_eatClassControlLetter=function(state){var ch=state.current();if(isDecimalDigit(ch)||ch===
95){state.lastIntValue=ch%32;state.advance();return true}return false};pp$1.regexp_eatHexEscapeSequence=function(state){
var start=state.pos;if(state.eat(120)){if(this.regexp_eatFixedHexDigits(state,2)){return true}if(state.switchU){state.raise(
"Invalid escape")}state.pos=start}return false};pp$1.regexp_eatDecimalDigits=function(state){var start=state.pos;var ch=0;
state.lastIntValue=0;while(isDecimalDigit(ch=state.current())){state.lastIntValue=10*state.lastIntValue+(ch-48);state.advance()}
return state.pos!==start};function isDecimalDigit(ch){return ch>=48&&ch<=57}pp$1.regexp_eatHexDigits=function(state){var start=state.
pos;var ch=0;state.lastIntValue=0;while(isHexDigit(ch=state.current())){state.lastIntValue=16*state.lastIntValue+hexToInt(
ch);state.advance()}return state.pos!==start};function isHexDigit(ch){return ch>=48&&ch<=57||ch>=65&&ch<=70||ch>=97&&ch<=
102}function hexToInt(ch){if(ch>=65&&ch<=70){return 10+(ch-65)}if(ch>=97&&ch<=102){return 10+(ch-97)}return ch-48}pp$1.regexp_eatLegacyOctalEscapeSequence=
function(state){if(this.regexp_eatOctalDigit(state)){var n1=state.lastIntValue;if(this.regexp_eatOctalDigit(state)){var n2=state.
lastIntValue;if(n1<=3&&this.regexp_eatOctalDigit(state)){state.lastIntValue=n1*64+n2*8+state.lastIntValue}else{state.lastIntValue=
n1*8+n2}}else{state.lastIntValue=n1}return true}return false};pp$1.regexp_eatOctalDigit=function(state){var ch=state.current();
if(isOctalDigit(ch)){state.lastIntValue=ch-48;state.advance();return true}state.lastIntValue=0;return false};function isOctalDigit(ch){
return ch>=48&&ch<=55}pp$1.regexp_eatFixedHexDigits=function(state,length){var start=state.pos;state.lastIntValue=0;for(var i2=0;i2<
length;++i2){var ch=state.current();if(!isHexDigit(ch)){state.pos=start;return false}state.lastIntValue=16*state.lastIntValue+
hexToInt(ch);state.advance()}return true};var Token=function Token2(p){this.type=p.type;this.value=p.value;this.start=p.
start;this.end=p.end;if(p.options.locations){this.loc=new SourceLocation(p,p.startLoc,p.endLoc)}if(p.options.ranges){this.
range=[p.start,p.end]}};var pp=Parser.prototype;pp.next=function(ignoreEscapeSequenceInKeyword){if(!ignoreEscapeSequenceInKeyword&&
this.type.keyword&&this.containsEsc){this.raiseRecoverable(this.start,"Escape sequence in keyword "+this.type.keyword)}if(this.
options.onToken){this.options.onToken(new Token(this))}this.lastTokEnd=this.end;this.lastTokStart=this.start;this.lastTokEndLoc=
this.endLoc;this.lastTokStartLoc=this.startLoc;this.nextToken()};pp.getToken=function(){this.next();return new Token(this)};
if(typeof Symbol!=="undefined"){pp[Symbol.iterator]=function(){var this$1$1=this;return{next:function(){var token=this$1$1.
getToken();return{done:token.type===types$1.eof,value:token}}}}}pp.nextToken=function(){var curContext=this.curContext();
if(!curContext||!curContext.preserveSpace){this.skipSpace()}this.start=this.pos;if(this.options.locations){this.startLoc=
this.curPosition()}if(this.pos>=this.input.length){return this.finishToken(types$1.eof)}if(curContext.override){return curContext.
override(this)}else{this.readToken(this.fullCharCodeAtPos())}};pp.readToken=function(code){if(isIdentifierStart(code,this.
options.ecmaVersion>=6)||code===92){return this.readWord()}return this.getTokenFromCode(code)};pp.fullCharCodeAt=function(pos){
var code=this.input.charCodeAt(pos);if(code<=55295||code>=56320){return code}var next=this.input.charCodeAt(pos+1);return next<=
56319||next>=57344?code:(code<<10)+next-56613888};pp.fullCharCodeAtPos=function(){return this.fullCharCodeAt(this.pos)};
pp.skipBlockComment=function(){var startLoc=this.options.onComment&&this.curPosition();var start=this.pos,end=this.input.
indexOf("*/",this.pos+=2);if(end===-1){this.raise(this.pos-2,"Unterminated comment")}this.pos=end+2;if(this.options.locations){
for(var nextBreak=void 0,pos=start;(nextBreak=nextLineBreak(this.input,pos,this.pos))>-1;){++this.curLine;pos=this.lineStart=
nextBreak}}if(this.options.onComment){this.options.onComment(true,this.input.slice(start+2,end),start,this.pos,startLoc,
this.curPosition())}};pp.skipLineComment=function(startSkip){var start=this.pos;var startLoc=this.options.onComment&&this.
curPosition();var ch=this.input.charCodeAt(this.pos+=startSkip);while(this.pos<this.input.length&&!isNewLine(ch)){ch=this.
input.charCodeAt(++this.pos)}if(this.options.onComment){this.options.onComment(false,this.input.slice(start+startSkip,this.
pos),start,this.pos,startLoc,this.curPosition())}};pp.skipSpace=function(){loop:while(this.pos<this.input.length){var ch=this.
input.charCodeAt(this.pos);switch(ch){case 32:case 160:++this.pos;break;case 13:if(this.input.charCodeAt(this.pos+1)===10){
++this.pos}case 10:case 8232:case 8233:++this.pos;if(this.options.locations){++this.curLine;this.lineStart=this.pos}break;case 47:
switch(this.input.charCodeAt(this.pos+1)){case 42:this.skipBlockComment();break;case 47:this.skipLineComment(2);break;default:
break loop}break;default:if(ch>8&&ch<14||ch>=5760&&nonASCIIwhitespace.test(String.fromCharCode(ch))){++this.pos}else{break loop}}}};
pp.finishToken=function(type,val){this.end=this.pos;if(this.options.locations){this.endLoc=this.curPosition()}var prevType=this.
type;this.type=type;this.value=val;this.updateContext(prevType)};pp.readToken_dot=function(){var next=this.input.charCodeAt(
this.pos+1);if(next>=48&&next<=57){return this.readNumber(true)}var next2=this.input.charCodeAt(this.pos+2);if(this.options.
ecmaVersion>=6&&next===46&&next2===46){this.pos+=3;return this.finishToken(types$1.ellipsis)}else{++this.pos;return this.
finishToken(types$1.dot)}};pp.readToken_slash=function(){var next=this.input.charCodeAt(this.pos+1);if(this.exprAllowed){
++this.pos;return this.readRegexp()}if(next===61){return this.finishOp(types$1.assign,2)}return this.finishOp(types$1.slash,
1)};pp.readToken_mult_modulo_exp=function(code){var next=this.input.charCodeAt(this.pos+1);var size=1;var tokentype=code===
42?types$1.star:types$1.modulo;if(this.options.ecmaVersion>=7&&code===42&&next===42){++size;tokentype=types$1.starstar;next=
this.input.charCodeAt(this.pos+2)}if(next===61){return this.finishOp(types$1.assign,size+1)}return this.finishOp(tokentype,
size)};pp.readToken_pipe_amp=function(code){var next=this.input.charCodeAt(this.pos+1);if(next===code){if(this.options.ecmaVersion>=
12){var next2=this.input.charCodeAt(this.pos+2);if(next2===61){return this.finishOp(types$1.assign,3)}}return this.finishOp(
code===124?types$1.logicalOR:types$1.logicalAND,2)}if(next===61){return this.finishOp(types$1.assign,2)}return this.finishOp(
code===124?types$1.bitwiseOR:types$1.bitwiseAND,1)};pp.readToken_caret=function(){var next=this.input.charCodeAt(this.pos+
1);if(next===61){return this.finishOp(types$1.assign,2)}return this.finishOp(types$1.bitwiseXOR,1)};pp.readToken_plus_min=
function(code){var next=this.input.charCodeAt(this.pos+1);if(next===code){if(next===45&&!this.inModule&&this.input.charCodeAt(
this.pos+2)===62&&(this.lastTokEnd===0||lineBreak.test(this.input.slice(this.lastTokEnd,this.pos)))){this.skipLineComment(
3);this.skipSpace();return this.nextToken()}return this.finishOp(types$1.incDec,2)}if(next===61){return this.finishOp(types$1.
assign,2)}return this.finishOp(types$1.plusMin,1)};pp.readToken_lt_gt=function(code){var next=this.input.charCodeAt(this.
pos+1);var size=1;if(next===code){size=code===62&&this.input.charCodeAt(this.pos+2)===62?3:2;if(this.input.charCodeAt(this.
pos+size)===61){return this.finishOp(types$1.assign,size+1)}return this.finishOp(types$1.bitShift,size)}if(next===33&&code===
60&&!this.inModule&&this.input.charCodeAt(this.pos+2)===45&&this.input.charCodeAt(this.pos+3)===45){this.skipLineComment(
4);this.skipSpace();return this.nextToken()}if(next===61){size=2}return this.finishOp(types$1.relational,size)};pp.readToken_eq_excl=
function(code){var next=this.input.charCodeAt(this.pos+1);if(next===61){return this.finishOp(types$1.equality,this.input.
charCodeAt(this.pos+2)===61?3:2)}if(code===61&&next===62&&this.options.ecmaVersion>=6){this.pos+=2;return this.finishToken(
types$1.arrow)}return this.finishOp(code===61?types$1.eq:types$1.prefix,1)};pp.readToken_question=function(){var ecmaVersion2=this.
options.ecmaVersion;if(ecmaVersion2>=11){var next=this.input.charCodeAt(this.pos+1);if(next===46){var next2=this.input.charCodeAt(
this.pos+2);if(next2<48||next2>57){return this.finishOp(types$1.questionDot,2)}}if(next===63){if(ecmaVersion2>=12){var next2$1=this.
input.charCodeAt(this.pos+2);if(next2$1===61){return this.finishOp(types$1.assign,3)}}return this.finishOp(types$1.coalesce,
2)}}return this.finishOp(types$1.question,1)};pp.readToken_numberSign=function(){var ecmaVersion2=this.options.ecmaVersion;
var code=35;if(ecmaVersion2>=13){++this.pos;code=this.fullCharCodeAtPos();if(isIdentifierStart(code,true)||code===92){return this.
finishToken(types$1.privateId,this.readWord1())}}this.raise(this.pos,"Unexpected character '"+codePointToString(code)+"'")};
pp.getTokenFromCode=function(code){switch(code){case 46:return this.readToken_dot();case 40:++this.pos;return this.finishToken(
types$1.parenL);case 41:++this.pos;return this.finishToken(types$1.parenR);case 59:++this.pos;return this.finishToken(types$1.
semi);case 44:++this.pos;return this.finishToken(types$1.comma);case 91:++this.pos;return this.finishToken(types$1.bracketL);case 93:
++this.pos;return this.finishToken(types$1.bracketR);case 123:++this.pos;return this.finishToken(types$1.braceL);case 125:
++this.pos;return this.finishToken(types$1.braceR);case 58:++this.pos;return this.finishToken(types$1.colon);case 96:if(this.
options.ecmaVersion<6){break}++this.pos;return this.finishToken(types$1.backQuote);case 48:var next=this.input.charCodeAt(
this.pos+1);if(next===120||next===88){return this.readRadixNumber(16)}if(this.options.ecmaVersion>=6){if(next===111||next===
79){return this.readRadixNumber(8)}if(next===98||next===66){return this.readRadixNumber(2)}}case 49:case 50:case 51:case 52:case 53:case 54:case 55:case 56:case 57:
return this.readNumber(false);case 34:case 39:return this.readString(code);case 47:return this.readToken_slash();case 37:case 42:
return this.readToken_mult_modulo_exp(code);case 124:case 38:return this.readToken_pipe_amp(code);case 94:return this.readToken_caret();case 43:case 45:
return this.readToken_plus_min(code);case 60:case 62:return this.readToken_lt_gt(code);case 61:case 33:return this.readToken_eq_excl(
code);case 63:return this.readToken_question();case 126:return this.finishOp(types$1.prefix,1);case 35:return this.readToken_numberSign()}
this.raise(this.pos,"Unexpected character '"+codePointToString(code)+"'")};pp.finishOp=function(type,size){var str=this.
input.slice(this.pos,this.pos+size);this.pos+=size;return this.finishToken(type,str)};pp.readRegexp=function(){var escaped,
inClass,start=this.pos;for(;;){if(this.pos>=this.input.length){this.raise(start,"Unterminated regular expression")}var ch=this.
input.charAt(this.pos);if(lineBreak.test(ch)){this.raise(start,"Unterminated regular expression")}if(!escaped){if(ch==="\
["){inClass=true}else if(ch==="]"&&inClass){inClass=false}else if(ch==="/"&&!inClass){break}escaped=ch==="\\"}else{escaped=
false}++this.pos}var pattern=this.input.slice(start,this.pos);++this.pos;var flagsStart=this.pos;var flags=this.readWord1();
if(this.containsEsc){this.unexpected(flagsStart)}var state=this.regexpState||(this.regexpState=new RegExpValidationState(
this));state.reset(start,pattern,flags);this.validateRegExpFlags(state);this.validateRegExpPattern(state);var value=null;
try{value=new RegExp(pattern,flags)}catch(e){}return this.finishToken(types$1.regexp,{pattern,flags,value})};pp.readInt=
function(radix,len,maybeLegacyOctalNumericLiteral){var allowSeparators=this.options.ecmaVersion>=12&&len===void 0;var isLegacyOctalNumericLiteral=maybeLegacyOctalNumericLiteral&&
this.input.charCodeAt(this.pos)===48;var start=this.pos,total=0,lastCode=0;for(var i2=0,e=len==null?Infinity:len;i2<e;++i2,
++this.pos){var code=this.input.charCodeAt(this.pos),val=void 0;if(allowSeparators&&code===95){if(isLegacyOctalNumericLiteral){
this.raiseRecoverable(this.pos,"Numeric separator is not allowed in legacy octal numeric literals")}if(lastCode===95){this.
raiseRecoverable(this.pos,"Numeric separator must be exactly one underscore")}if(i2===0){this.raiseRecoverable(this.pos,
"Numeric separator is not allowed at the first of digits")}lastCode=code;continue}if(code>=97){val=code-97+10}else if(code>=
65){val=code-65+10}else if(code>=48&&code<=57){val=code-48}else{val=Infinity}if(val>=radix){break}lastCode=code;total=total*
radix+val}if(allowSeparators&&lastCode===95){this.raiseRecoverable(this.pos-1,"Numeric separator is not allowed at the l\
ast of digits")}if(this.pos===start||len!=null&&this.pos-start!==len){return null}return total};function stringToNumber(str,isLegacyOctalNumericLiteral){
if(isLegacyOctalNumericLiteral){return parseInt(str,8)}return parseFloat(str.replace(/_/g,""))}function stringToBigInt(str){
if(typeof BigInt!=="function"){return null}return BigInt(str.replace(/_/g,""))}pp.readRadixNumber=function(radix){var start=this.
pos;this.pos+=2;var val=this.readInt(radix);if(val==null){this.raise(this.start+2,"Expected number in radix "+radix)}if(this.
options.ecmaVersion>=11&&this.input.charCodeAt(this.pos)===110){val=stringToBigInt(this.input.slice(start,this.pos));++this.
pos}else if(isIdentifierStart(this.fullCharCodeAtPos())){this.raise(this.pos,"Identifier directly after number")}return this.
finishToken(types$1.num,val)};pp.readNumber=function(startsWithDot){var start=this.pos;if(!startsWithDot&&this.readInt(10,
void 0,true)===null){this.raise(start,"Invalid number")}var octal=this.pos-start>=2&&this.input.charCodeAt(start)===48;if(octal&&
this.strict){this.raise(start,"Invalid number")}var next=this.input.charCodeAt(this.pos);if(!octal&&!startsWithDot&&this.
options.ecmaVersion>=11&&next===110){var val$1=stringToBigInt(this.input.slice(start,this.pos));++this.pos;if(isIdentifierStart(
this.fullCharCodeAtPos())){this.raise(this.pos,"Identifier directly after number")}return this.finishToken(types$1.num,val$1)}
if(octal&&/[89]/.test(this.input.slice(start,this.pos))){octal=false}if(next===46&&!octal){++this.pos;this.readInt(10);next=
this.input.charCodeAt(this.pos)}if((next===69||next===101)&&!octal){next=this.input.charCodeAt(++this.pos);if(next===43||
next===45){++this.pos}if(this.readInt(10)===null){this.raise(start,"Invalid number")}}if(isIdentifierStart(this.fullCharCodeAtPos())){
this.raise(this.pos,"Identifier directly after number")}var val=stringToNumber(this.input.slice(start,this.pos),octal);return this.
finishToken(types$1.num,val)};pp.readCodePoint=function(){var ch=this.input.charCodeAt(this.pos),code;if(ch===123){if(this.
options.ecmaVersion<6){this.unexpected()}var codePos=++this.pos;code=this.readHexChar(this.input.indexOf("}",this.pos)-this.
pos);++this.pos;if(code>1114111){this.invalidStringToken(codePos,"Code point out of bounds")}}else{code=this.readHexChar(
4)}return code};pp.readString=function(quote){var out="",chunkStart=++this.pos;for(;;){if(this.pos>=this.input.length){this.
raise(this.start,"Unterminated string constant")}var ch=this.input.charCodeAt(this.pos);if(ch===quote){break}if(ch===92){
out+=this.input.slice(chunkStart,this.pos);out+=this.readEscapedChar(false);chunkStart=this.pos}else if(ch===8232||ch===
8233){if(this.options.ecmaVersion<10){this.raise(this.start,"Unterminated string constant")}++this.pos;if(this.options.locations){
this.curLine++;this.lineStart=this.pos}}else{if(isNewLine(ch)){this.raise(this.start,"Unterminated string constant")}++this.
pos}}out+=this.input.slice(chunkStart,this.pos++);return this.finishToken(types$1.string,out)};var INVALID_TEMPLATE_ESCAPE_ERROR={};
pp.tryReadTemplateToken=function(){this.inTemplateElement=true;try{this.readTmplToken()}catch(err){if(err===INVALID_TEMPLATE_ESCAPE_ERROR){
this.readInvalidTemplateToken()}else{throw err}}this.inTemplateElement=false};pp.invalidStringToken=function(position,message){
if(this.inTemplateElement&&this.options.ecmaVersion>=9){throw INVALID_TEMPLATE_ESCAPE_ERROR}else{this.raise(position,message)}};
pp.readTmplToken=function(){var out="",chunkStart=this.pos;for(;;){if(this.pos>=this.input.length){this.raise(this.start,
"Unterminated template")}var ch=this.input.charCodeAt(this.pos);if(ch===96||ch===36&&this.input.charCodeAt(this.pos+1)===
123){if(this.pos===this.start&&(this.type===types$1.template||this.type===types$1.invalidTemplate)){if(ch===36){this.pos+=
2;return this.finishToken(types$1.dollarBraceL)}else{++this.pos;return this.finishToken(types$1.backQuote)}}out+=this.input.
slice(chunkStart,this.pos);return this.finishToken(types$1.template,out)}if(ch===92){out+=this.input.slice(chunkStart,this.
pos);out+=this.readEscapedChar(true);chunkStart=this.pos}else if(isNewLine(ch)){out+=this.input.slice(chunkStart,this.pos);
++this.pos;switch(ch){case 13:if(this.input.charCodeAt(this.pos)===10){++this.pos}case 10:out+="\n";break;default:out+=String.
fromCharCode(ch);break}if(this.options.locations){++this.curLine;this.lineStart=this.pos}chunkStart=this.pos}else{++this.
pos}}};pp.readInvalidTemplateToken=function(){for(;this.pos<this.input.length;this.pos++){switch(this.input[this.pos]){case"\
\\":++this.pos;break;case"$":if(this.input[this.pos+1]!=="{"){break}case"`":return this.finishToken(types$1.invalidTemplate,
this.input.slice(this.start,this.pos));case"\r":if(this.input[this.pos+1]==="\n"){++this.pos}case"\n":case"\u2028":case"\
\u2029":++this.curLine;this.lineStart=this.pos+1;break}}this.raise(this.start,"Unterminated template")};pp.readEscapedChar=
function(inTemplate){var ch=this.input.charCodeAt(++this.pos);++this.pos;switch(ch){case 110:return"\n";case 114:return"\
\r";case 120:return String.fromCharCode(this.readHexChar(2));case 117:return codePointToString(this.readCodePoint());case 116:
return"	";case 98:return"\b";case 118:return"\v";case 102:return"\f";case 13:if(this.input.charCodeAt(this.pos)===10){++this.
pos}case 10:if(this.options.locations){this.lineStart=this.pos;++this.curLine}return"";case 56:case 57:if(this.strict){this.
invalidStringToken(this.pos-1,"Invalid escape sequence")}if(inTemplate){var codePos=this.pos-1;this.invalidStringToken(codePos,
"Invalid escape sequence in template string")}default:if(ch>=48&&ch<=55){var octalStr=this.input.substr(this.pos-1,3).match(
/^[0-7]+/)[0];var octal=parseInt(octalStr,8);if(octal>255){octalStr=octalStr.slice(0,-1);octal=parseInt(octalStr,8)}this.
pos+=octalStr.length-1;ch=this.input.charCodeAt(this.pos);if((octalStr!=="0"||ch===56||ch===57)&&(this.strict||inTemplate)){
this.invalidStringToken(this.pos-1-octalStr.length,inTemplate?"Octal literal in template string":"Octal literal in stric\
t mode")}return String.fromCharCode(octal)}if(isNewLine(ch)){if(this.options.locations){this.lineStart=this.pos;++this.curLine}
return""}return String.fromCharCode(ch)}};pp.readHexChar=function(len){var codePos=this.pos;var n=this.readInt(16,len);if(n===
null){this.invalidStringToken(codePos,"Bad character escape sequence")}return n};pp.readWord1=function(){this.containsEsc=
false;var word="",first=true,chunkStart=this.pos;var astral=this.options.ecmaVersion>=6;while(this.pos<this.input.length){
var ch=this.fullCharCodeAtPos();if(isIdentifierChar(ch,astral)){this.pos+=ch<=65535?1:2}else if(ch===92){this.containsEsc=
true;word+=this.input.slice(chunkStart,this.pos);var escStart=this.pos;if(this.input.charCodeAt(++this.pos)!==117){this.
invalidStringToken(this.pos,"Expecting Unicode escape sequence \\uXXXX")}++this.pos;var esc=this.readCodePoint();if(!(first?
isIdentifierStart:isIdentifierChar)(esc,astral)){this.invalidStringToken(escStart,"Invalid Unicode escape")}word+=codePointToString(
esc);chunkStart=this.pos}else{break}first=false}return word+this.input.slice(chunkStart,this.pos)};pp.readWord=function(){
var word=this.readWord1();var type=types$1.name;if(this.keywords.test(word)){type=keywords[word]}return this.finishToken(
type,word)};var version="8.19.0";Parser.acorn={Parser,version,defaultOptions,Position,SourceLocation,getLineInfo,Node,TokenType,
tokTypes:types$1,keywordTypes:keywords,TokContext,tokContexts:types,isIdentifierChar,isIdentifierStart,Token,isNewLine,lineBreak,
lineBreakG,nonASCIIwhitespace};function parse3(input,options){return Parser.parse(input,options)}function assert(condition,message="Assertion failed."){if(!condition){throw new Error(message)}}var import_estraverse=__toESM(require_estraverse(),1);var READ=1;var WRITE=2;var RW=READ|WRITE;var Reference=class _Reference{constructor(ident,scope,flag,writeExpr,maybeImplicitGlobal,partial,init){
this.identifier=ident;this.from=scope;this.tainted=false;this.resolved=null;this.flag=flag;if(this.isWrite()){this.writeExpr=
writeExpr;this.partial=partial;this.init=init}this.__maybeImplicitGlobal=maybeImplicitGlobal}isStatic(){return!this.tainted&&
!!this.resolved&&this.resolved.scope.isStatic()}isWrite(){return!!(this.flag&_Reference.WRITE)}isRead(){return!!(this.flag&
_Reference.READ)}isReadOnly(){return this.flag===_Reference.READ}isWriteOnly(){return this.flag===_Reference.WRITE}isReadWrite(){
return this.flag===_Reference.RW}};Reference.READ=READ;Reference.WRITE=WRITE;Reference.RW=RW;var reference_default=Reference;var Variable=class{constructor(name,scope){this.name=name;this.identifiers=[];this.references=[];this.defs=[];this.tainted=
false;this.stack=true;this.scope=scope}};Variable.CatchClause="CatchClause";Variable.Parameter="Parameter";Variable.FunctionName=
"FunctionName";Variable.ClassName="ClassName";Variable.Variable="Variable";Variable.ImportBinding="ImportBinding";Variable.
ImplicitGlobalVariable="ImplicitGlobalVariable";var variable_default=Variable;var Definition=class{constructor(type,name,node,parent,index,kind){this.type=type;this.name=name;this.node=node;this.parent=
parent;this.index=index;this.kind=kind}};var ParameterDefinition=class extends Definition{constructor(name,node,index,rest){
super(variable_default.Parameter,name,node,null,index,null);this.rest=rest}};var{Syntax}=import_estraverse.default;function isStrictScope(scope,block,isMethodDefinition){let body;if(scope.upper&&scope.
upper.isStrict){return true}if(isMethodDefinition){return true}if(scope.type==="class"||scope.type==="module"){return true}
if(scope.type==="block"||scope.type==="switch"){return false}if(scope.type==="function"){if(block.type===Syntax.ArrowFunctionExpression&&
block.body.type!==Syntax.BlockStatement){return false}if(block.type===Syntax.Program){body=block}else{body=block.body}if(!body){
return false}}else if(scope.type==="global"){body=block}else{return false}for(let i2=0,iz=body.body.length;i2<iz;++i2){const stmt=body.
body[i2];if(typeof stmt.directive!=="string"){break}if(stmt.directive==="use strict"){return true}}return false}function registerScope(scopeManager,scope){
scopeManager.scopes.push(scope);const scopes=scopeManager.__nodeToScope.get(scope.block);if(scopes){scopes.push(scope)}else{
scopeManager.__nodeToScope.set(scope.block,[scope])}}var Scope3=class{constructor(scopeManager,type,upperScope,block,isMethodDefinition){
this.type=type;this.set=new Map;this.taints=new Map;this.dynamic=this.type==="global"||this.type==="with";this.block=block;
this.through=[];this.variables=[];this.references=[];this.variableScope=this.type==="global"||this.type==="module"||this.
type==="function"||this.type==="class-field-initializer"||this.type==="class-static-block"?this:upperScope.variableScope;
this.functionExpressionScope=false;this.directCallToEvalScope=false;this.thisFound=false;this.__left=[];this.upper=upperScope;
this.isStrict=scopeManager.isStrictModeSupported()?isStrictScope(this,block,isMethodDefinition):false;this.childScopes=[];
if(this.upper){this.upper.childScopes.push(this)}this.__declaredVariables=scopeManager.__declaredVariables;registerScope(
scopeManager,this)}__shouldStaticallyClose(scopeManager){return!this.dynamic||scopeManager.__isOptimistic()||this.type===
"global"}__staticCloseRef(ref2){if(!this.__resolve(ref2)){this.__delegateToUpperScope(ref2)}}__dynamicCloseRef(ref2){let current2=this;
do{current2.through.push(ref2);current2=current2.upper}while(current2)}__close(scopeManager){let closeRef;if(this.__shouldStaticallyClose(
scopeManager)){closeRef=this.__staticCloseRef}else{closeRef=this.__dynamicCloseRef}for(let i2=0,iz=this.__left.length;i2<
iz;++i2){const ref2=this.__left[i2];closeRef.call(this,ref2)}this.__left=null;return this.upper}__isValidResolution(ref2,variable){
return true}__resolve(ref2){const name=ref2.identifier.name;if(!this.set.has(name)){return false}const variable=this.set.
get(name);if(!this.__isValidResolution(ref2,variable)){return false}variable.references.push(ref2);variable.stack=variable.
stack&&ref2.from.variableScope===this.variableScope;if(ref2.tainted){variable.tainted=true;this.taints.set(variable.name,
true)}ref2.resolved=variable;return true}__delegateToUpperScope(ref2){if(this.upper){this.upper.__left.push(ref2)}this.through.
push(ref2)}__addDeclaredVariablesOfNode(variable,node){if(node===null||node===void 0){return}let variables=this.__declaredVariables.
get(node);if(variables===null||variables===void 0){variables=[];this.__declaredVariables.set(node,variables)}if(!variables.
includes(variable)){variables.push(variable)}}__defineGeneric(name,set,variables,node,def){let variable;variable=set.get(
name);if(!variable){variable=new variable_default(name,this);set.set(name,variable);variables.push(variable)}if(def){variable.
defs.push(def);this.__addDeclaredVariablesOfNode(variable,def.node);this.__addDeclaredVariablesOfNode(variable,def.parent)}
if(node){variable.identifiers.push(node)}}__define(node,def){if(node&&node.type===Syntax.Identifier){this.__defineGeneric(
node.name,this.set,this.variables,node,def)}}__referencing(node,assign,writeExpr,maybeImplicitGlobal,partial,init){if(!node||
node.type!==Syntax.Identifier&&node.type!=="JSXIdentifier"){return}if(node.name==="super"){return}const ref2=new reference_default(
node,this,assign||reference_default.READ,writeExpr,maybeImplicitGlobal,!!partial,!!init);this.references.push(ref2);this.
__left.push(ref2)}__detectEval(){let current2=this;this.directCallToEvalScope=true;do{current2.dynamic=true;current2=current2.
upper}while(current2)}__detectThis(){this.thisFound=true}__isClosed(){return this.__left===null}resolve(ident){let ref2,
i2,iz;assert(this.__isClosed(),"Scope should be closed.");assert(ident.type===Syntax.Identifier,"Target should be identi\
fier.");for(i2=0,iz=this.references.length;i2<iz;++i2){ref2=this.references[i2];if(ref2.identifier===ident){return ref2}}
return null}isStatic(){return!this.dynamic}isArgumentsMaterialized(){return true}isThisMaterialized(){return true}isUsedName(name){
if(this.set.has(name)){return true}for(let i2=0,iz=this.through.length;i2<iz;++i2){if(this.through[i2].identifier.name===
name){return true}}return false}};var GlobalScope=class extends Scope3{constructor(scopeManager,block){super(scopeManager,
"global",null,block,false);this.implicit={set:new Map,variables:[],left:[]}}__close(scopeManager){const implicit=[];for(let i2=0,
iz=this.__left.length;i2<iz;++i2){const ref2=this.__left[i2];if(ref2.__maybeImplicitGlobal&&!this.set.has(ref2.identifier.
name)){implicit.push(ref2.__maybeImplicitGlobal)}}for(let i2=0,iz=implicit.length;i2<iz;++i2){const info=implicit[i2];this.
__defineImplicit(info.pattern,new Definition(variable_default.ImplicitGlobalVariable,info.pattern,info.node,null,null,null))}
super.__close(scopeManager);this.implicit.left=[...this.through];return null}__defineImplicit(node,def){if(node&&node.type===
Syntax.Identifier){this.__defineGeneric(node.name,this.implicit.set,this.implicit.variables,node,def)}}__addVariables(names){
for(const name of names){this.__defineGeneric(name,this.set,this.variables,null,null)}const namesSet=new Set(names);this.
through=this.through.filter(reference=>{const name=reference.identifier.name;if(namesSet.has(name)){const variable=this.
set.get(name);reference.resolved=variable;variable.references.push(reference);return false}return true});this.implicit.variables=
this.implicit.variables.filter(variable=>{const name=variable.name;if(namesSet.has(name)){this.implicit.set.delete(name);
return false}return true});this.implicit.left=this.implicit.left.filter(reference=>!namesSet.has(reference.identifier.name))}};
var ModuleScope=class extends Scope3{constructor(scopeManager,upperScope,block){super(scopeManager,"module",upperScope,block,
false)}};var FunctionExpressionNameScope=class extends Scope3{constructor(scopeManager,upperScope,block){super(scopeManager,
"function-expression-name",upperScope,block,false);this.__define(block.id,new Definition(variable_default.FunctionName,block.
id,block,null,null,null));this.functionExpressionScope=true}};var CatchScope=class extends Scope3{constructor(scopeManager,upperScope,block){
super(scopeManager,"catch",upperScope,block,false)}};var WithScope=class extends Scope3{constructor(scopeManager,upperScope,block){
super(scopeManager,"with",upperScope,block,false)}__close(scopeManager){if(this.__shouldStaticallyClose(scopeManager)){return super.
__close(scopeManager)}for(let i2=0,iz=this.__left.length;i2<iz;++i2){const ref2=this.__left[i2];ref2.tainted=true;this.__delegateToUpperScope(
ref2)}this.__left=null;return this.upper}};var BlockScope=class extends Scope3{constructor(scopeManager,upperScope,block){
super(scopeManager,"block",upperScope,block,false)}};var SwitchScope=class extends Scope3{constructor(scopeManager,upperScope,block){
super(scopeManager,"switch",upperScope,block,false)}};var FunctionScope=class extends Scope3{constructor(scopeManager,upperScope,block,isMethodDefinition){
super(scopeManager,"function",upperScope,block,isMethodDefinition);if(this.block.type!==Syntax.ArrowFunctionExpression){
this.__defineArguments()}}isArgumentsMaterialized(){if(this.block.type===Syntax.ArrowFunctionExpression){return false}if(!this.
isStatic()){return true}const variable=this.set.get("arguments");assert(variable,"Always have arguments variable.");return variable.
tainted||variable.references.length!==0}isThisMaterialized(){if(!this.isStatic()){return true}return this.thisFound}__defineArguments(){
this.__defineGeneric("arguments",this.set,this.variables,null,null);this.taints.set("arguments",true)}__isValidResolution(ref2,variable){
if(this.block.type==="Program"){return true}const bodyStart=this.block.body.range[0];return!(variable.scope===this&&ref2.
identifier.range[0]<bodyStart&&variable.defs.every(d=>d.name.range[0]>=bodyStart))}};var ForScope=class extends Scope3{constructor(scopeManager,upperScope,block){
super(scopeManager,"for",upperScope,block,false)}};var ClassScope=class extends Scope3{constructor(scopeManager,upperScope,block){
super(scopeManager,"class",upperScope,block,false)}};var ClassFieldInitializerScope=class extends Scope3{constructor(scopeManager,upperScope,block){
super(scopeManager,"class-field-initializer",upperScope,block,true)}};var ClassStaticBlockScope=class extends Scope3{constructor(scopeManager,upperScope,block){
super(scopeManager,"class-static-block",upperScope,block,true)}};var ScopeManager=class{constructor(options){this.scopes=[];this.globalScope=null;this.__nodeToScope=new WeakMap;this.__currentScope=
null;this.__options=options;this.__declaredVariables=new WeakMap}__isOptimistic(){return this.__options.optimistic}__ignoreEval(){
return this.__options.ignoreEval}__isJSXEnabled(){return this.__options.jsx===true}isGlobalReturn(){return this.__options.
nodejsScope||this.__options.sourceType==="commonjs"}isModule(){return this.__options.sourceType==="module"}isImpliedStrict(){
return!!this.__options.impliedStrict}isStrictModeSupported(){return this.__options.ecmaVersion>=5}__get(node){return this.
__nodeToScope.get(node)}getDeclaredVariables(node){return this.__declaredVariables.get(node)||[]}acquire(node,inner){function predicate(testScope){
if(testScope.type==="function"&&testScope.functionExpressionScope){return false}return true}const scopes=this.__get(node);
if(!scopes||scopes.length===0){return null}if(scopes.length===1){return scopes[0]}if(inner){for(let i2=scopes.length-1;i2>=
0;--i2){const scope=scopes[i2];if(predicate(scope)){return scope}}}else{for(let i2=0,iz=scopes.length;i2<iz;++i2){const scope=scopes[i2];
if(predicate(scope)){return scope}}}return null}acquireAll(node){return this.__get(node)}release(node,inner){const scopes=this.
__get(node);if(scopes&&scopes.length){const scope=scopes[0].upper;if(!scope){return null}return this.acquire(scope.block,
inner)}return null}addGlobals(names){this.globalScope.__addVariables(names)}attach(){}detach(){}__nestScope(scope){if(scope instanceof
GlobalScope){assert(this.__currentScope===null);this.globalScope=scope}this.__currentScope=scope;return scope}__nestGlobalScope(node){
return this.__nestScope(new GlobalScope(this,node))}__nestBlockScope(node){return this.__nestScope(new BlockScope(this,this.
__currentScope,node))}__nestFunctionScope(node,isMethodDefinition){return this.__nestScope(new FunctionScope(this,this.__currentScope,
node,isMethodDefinition))}__nestForScope(node){return this.__nestScope(new ForScope(this,this.__currentScope,node))}__nestCatchScope(node){
return this.__nestScope(new CatchScope(this,this.__currentScope,node))}__nestWithScope(node){return this.__nestScope(new WithScope(
this,this.__currentScope,node))}__nestClassScope(node){return this.__nestScope(new ClassScope(this,this.__currentScope,node))}__nestClassFieldInitializerScope(node){
return this.__nestScope(new ClassFieldInitializerScope(this,this.__currentScope,node))}__nestClassStaticBlockScope(node){
return this.__nestScope(new ClassStaticBlockScope(this,this.__currentScope,node))}__nestSwitchScope(node){return this.__nestScope(
new SwitchScope(this,this.__currentScope,node))}__nestModuleScope(node){return this.__nestScope(new ModuleScope(this,this.
__currentScope,node))}__nestFunctionExpressionNameScope(node){return this.__nestScope(new FunctionExpressionNameScope(this,
this.__currentScope,node))}__isES6(){return this.__options.ecmaVersion>=6}};var scope_manager_default=ScopeManager;var import_estraverse3=__toESM(require_estraverse(),1);var import_esrecurse2=__toESM(require_esrecurse(),1);var import_estraverse2=__toESM(require_estraverse(),1);var import_esrecurse=__toESM(require_esrecurse(),1);var{Syntax:Syntax2}=import_estraverse2.default;
function getLast(xs){return xs.at(-1)||null}var PatternVisitor=class extends import_esrecurse.default.Visitor{static isPattern(node){
const nodeType=node.type;return nodeType===Syntax2.Identifier||nodeType===Syntax2.ObjectPattern||nodeType===Syntax2.ArrayPattern||
nodeType===Syntax2.SpreadElement||nodeType===Syntax2.RestElement||nodeType===Syntax2.AssignmentPattern}constructor(options,rootPattern,callback){
super(null,options);this.rootPattern=rootPattern;this.callback=callback;this.assignments=[];this.rightHandNodes=[];this.
restElements=[]}Identifier(pattern){const lastRestElement=getLast(this.restElements);this.callback(pattern,{topLevel:pattern===
this.rootPattern,rest:lastRestElement!==null&&lastRestElement!==void 0&&lastRestElement.argument===pattern,assignments:this.
assignments})}Property(property){if(property.computed){this.rightHandNodes.push(property.key)}this.visit(property.value)}ArrayPattern(pattern){
for(let i2=0,iz=pattern.elements.length;i2<iz;++i2){const element=pattern.elements[i2];this.visit(element)}}AssignmentPattern(pattern){
this.assignments.push(pattern);this.visit(pattern.left);this.rightHandNodes.push(pattern.right);this.assignments.pop()}RestElement(pattern){
this.restElements.push(pattern);this.visit(pattern.argument);this.restElements.pop()}MemberExpression(node){if(node.computed){
this.rightHandNodes.push(node.property)}this.rightHandNodes.push(node.object)}SpreadElement(node){this.visit(node.argument)}ArrayExpression(node){
node.elements.forEach(this.visit,this)}AssignmentExpression(node){this.assignments.push(node);this.visit(node.left);this.
rightHandNodes.push(node.right);this.assignments.pop()}CallExpression(node){node.arguments.forEach(a=>{this.rightHandNodes.
push(a)});this.visit(node.callee)}};var pattern_visitor_default=PatternVisitor;var{Syntax:Syntax3}=import_estraverse3.default;function traverseIdentifierInPattern(options,rootPattern,referencer,callback){
const visitor=new pattern_visitor_default(options,rootPattern,callback);visitor.visit(rootPattern);if(referencer!==null&&
referencer!==void 0){visitor.rightHandNodes.forEach(referencer.visit,referencer)}}var Importer=class extends import_esrecurse2.default.
Visitor{constructor(declaration,referencer){super(null,referencer.options);this.declaration=declaration;this.referencer=
referencer}visitImport(id,specifier){this.referencer.visitPattern(id,pattern=>{this.referencer.currentScope().__define(pattern,
new Definition(variable_default.ImportBinding,pattern,specifier,this.declaration,null,null))})}ImportNamespaceSpecifier(node){
const local=node.local||node.id;if(local){this.visitImport(local,node)}}ImportDefaultSpecifier(node){const local=node.local||
node.id;this.visitImport(local,node)}ImportSpecifier(node){const local=node.local||node.id;if(node.name){this.visitImport(
node.name,node)}else{this.visitImport(local,node)}}};var Referencer=class extends import_esrecurse2.default.Visitor{constructor(options,scopeManager){
super(null,options);this.options=options;this.scopeManager=scopeManager;this.parent=null;this.isInnerMethodDefinition=false}currentScope(){
return this.scopeManager.__currentScope}close(node){while(this.currentScope()&&node===this.currentScope().block){this.scopeManager.
__currentScope=this.currentScope().__close(this.scopeManager)}}pushInnerMethodDefinition(isInnerMethodDefinition){const previous=this.
isInnerMethodDefinition;this.isInnerMethodDefinition=isInnerMethodDefinition;return previous}popInnerMethodDefinition(isInnerMethodDefinition){
this.isInnerMethodDefinition=isInnerMethodDefinition}referencingDefaultValue(pattern,assignments,maybeImplicitGlobal,init){
const scope=this.currentScope();assignments.forEach(assignment=>{scope.__referencing(pattern,reference_default.WRITE,assignment.
right,maybeImplicitGlobal,pattern!==assignment.left,init)})}visitPattern(node,options,callback){let visitPatternOptions=options;
let visitPatternCallback=callback;if(typeof options==="function"){visitPatternCallback=options;visitPatternOptions={processRightHandNodes:false}}
traverseIdentifierInPattern(this.options,node,visitPatternOptions.processRightHandNodes?this:null,visitPatternCallback)}visitFunction(node){
let i2,iz;if(node.type===Syntax3.FunctionDeclaration){this.currentScope().__define(node.id,new Definition(variable_default.
FunctionName,node.id,node,null,null,null))}if(node.type===Syntax3.FunctionExpression&&node.id){this.scopeManager.__nestFunctionExpressionNameScope(
node)}this.scopeManager.__nestFunctionScope(node,this.isInnerMethodDefinition);const that=this;function visitPatternCallback(pattern,info){
that.currentScope().__define(pattern,new ParameterDefinition(pattern,node,i2,info.rest));that.referencingDefaultValue(pattern,
info.assignments,null,true)}for(i2=0,iz=node.params.length;i2<iz;++i2){this.visitPattern(node.params[i2],{processRightHandNodes:true},
visitPatternCallback)}if(node.rest){this.visitPattern({type:"RestElement",argument:node.rest},pattern=>{this.currentScope().
__define(pattern,new ParameterDefinition(pattern,node,node.params.length,true))})}if(node.body){if(node.body.type===Syntax3.
BlockStatement){this.visitChildren(node.body)}else{this.visit(node.body)}}this.close(node)}visitClass(node){if(node.type===
Syntax3.ClassDeclaration){this.currentScope().__define(node.id,new Definition(variable_default.ClassName,node.id,node,null,
null,null))}this.scopeManager.__nestClassScope(node);if(node.id){this.currentScope().__define(node.id,new Definition(variable_default.
ClassName,node.id,node))}this.visit(node.superClass);this.visit(node.body);this.close(node)}visitProperty(node){let previous;
if(node.computed){this.visit(node.key)}const isMethodDefinition=node.type===Syntax3.MethodDefinition;if(isMethodDefinition){
previous=this.pushInnerMethodDefinition(true)}this.visit(node.value);if(isMethodDefinition){this.popInnerMethodDefinition(
previous)}}visitForIn(node){if(node.left.type===Syntax3.VariableDeclaration&&node.left.kind!=="var"){this.scopeManager.__nestForScope(
node)}if(node.left.type===Syntax3.VariableDeclaration){this.visit(node.left);this.visitPattern(node.left.declarations[0].
id,pattern=>{this.currentScope().__referencing(pattern,reference_default.WRITE,node.right,null,true,true)})}else{this.visitPattern(
node.left,{processRightHandNodes:true},(pattern,info)=>{let maybeImplicitGlobal=null;if(!this.currentScope().isStrict){maybeImplicitGlobal=
{pattern,node}}this.referencingDefaultValue(pattern,info.assignments,maybeImplicitGlobal,false);this.currentScope().__referencing(
pattern,reference_default.WRITE,node.right,maybeImplicitGlobal,true,false)})}this.visit(node.right);this.visit(node.body);
this.close(node)}visitVariableDeclaration(variableTargetScope,type,node,index){const decl=node.declarations[index];const init=decl.
init;this.visitPattern(decl.id,{processRightHandNodes:true},(pattern,info)=>{variableTargetScope.__define(pattern,new Definition(
type,pattern,decl,node,index,node.kind));this.referencingDefaultValue(pattern,info.assignments,null,true);if(init){this.
currentScope().__referencing(pattern,reference_default.WRITE,init,null,!info.topLevel,true)}})}AssignmentExpression(node){
if(pattern_visitor_default.isPattern(node.left)){if(node.operator==="="){this.visitPattern(node.left,{processRightHandNodes:true},
(pattern,info)=>{let maybeImplicitGlobal=null;if(!this.currentScope().isStrict){maybeImplicitGlobal={pattern,node}}this.
referencingDefaultValue(pattern,info.assignments,maybeImplicitGlobal,false);this.currentScope().__referencing(pattern,reference_default.
WRITE,node.right,maybeImplicitGlobal,!info.topLevel,false)})}else{this.currentScope().__referencing(node.left,reference_default.
RW,node.right)}}else{this.visit(node.left)}this.visit(node.right)}CatchClause(node){this.scopeManager.__nestCatchScope(node);
this.visitPattern(node.param,{processRightHandNodes:true},(pattern,info)=>{this.currentScope().__define(pattern,new Definition(
variable_default.CatchClause,pattern,node,null,null,null));this.referencingDefaultValue(pattern,info.assignments,null,true)});
this.visit(node.body);this.close(node)}Program(node){this.scopeManager.__nestGlobalScope(node);if(this.scopeManager.isGlobalReturn()){
this.currentScope().isStrict=false;this.scopeManager.__nestFunctionScope(node,false)}if(this.scopeManager.__isES6()&&this.
scopeManager.isModule()){this.scopeManager.__nestModuleScope(node)}if(this.scopeManager.isStrictModeSupported()&&this.scopeManager.
isImpliedStrict()){this.currentScope().isStrict=true}this.visitChildren(node);this.close(node)}Identifier(node){this.currentScope().
__referencing(node)}PrivateIdentifier(){}UpdateExpression(node){if(pattern_visitor_default.isPattern(node.argument)){this.
currentScope().__referencing(node.argument,reference_default.RW,null)}else{this.visitChildren(node)}}MemberExpression(node){
this.visit(node.object);if(node.computed){this.visit(node.property)}}Property(node){this.visitProperty(node)}PropertyDefinition(node){
const{computed,key,value}=node;if(computed){this.visit(key)}if(value){this.scopeManager.__nestClassFieldInitializerScope(
value);this.visit(value);this.close(value)}}StaticBlock(node){this.scopeManager.__nestClassStaticBlockScope(node);this.visitChildren(
node);this.close(node)}MethodDefinition(node){this.visitProperty(node)}BreakStatement(){}ContinueStatement(){}LabeledStatement(node){
this.visit(node.body)}ForStatement(node){if(node.init&&node.init.type===Syntax3.VariableDeclaration&&node.init.kind!=="v\
ar"){this.scopeManager.__nestForScope(node)}this.visitChildren(node);this.close(node)}ClassExpression(node){this.visitClass(
node)}ClassDeclaration(node){this.visitClass(node)}CallExpression(node){if(!this.scopeManager.__ignoreEval()&&node.callee.
type===Syntax3.Identifier&&node.callee.name==="eval"){this.currentScope().variableScope.__detectEval()}this.visitChildren(
node)}BlockStatement(node){if(this.scopeManager.__isES6()){this.scopeManager.__nestBlockScope(node)}this.visitChildren(node);
this.close(node)}ThisExpression(){this.currentScope().variableScope.__detectThis()}WithStatement(node){this.visit(node.object);
this.scopeManager.__nestWithScope(node);this.visit(node.body);this.close(node)}VariableDeclaration(node){const variableTargetScope=node.
kind==="var"?this.currentScope().variableScope:this.currentScope();for(let i2=0,iz=node.declarations.length;i2<iz;++i2){
const decl=node.declarations[i2];this.visitVariableDeclaration(variableTargetScope,variable_default.Variable,node,i2);if(decl.
init){this.visit(decl.init)}}}SwitchStatement(node){this.visit(node.discriminant);if(this.scopeManager.__isES6()){this.scopeManager.
__nestSwitchScope(node)}for(let i2=0,iz=node.cases.length;i2<iz;++i2){this.visit(node.cases[i2])}this.close(node)}FunctionDeclaration(node){
this.visitFunction(node)}FunctionExpression(node){this.visitFunction(node)}ForOfStatement(node){this.visitForIn(node)}ForInStatement(node){
this.visitForIn(node)}ArrowFunctionExpression(node){this.visitFunction(node)}ImportDeclaration(node){assert(this.scopeManager.
__isES6()&&this.scopeManager.isModule(),"ImportDeclaration should appear when the mode is ES6 and in the module context.");
const importer=new Importer(node,this);importer.visit(node)}visitExportDeclaration(node){if(node.source){return}if(node.
declaration){this.visit(node.declaration);return}this.visitChildren(node)}ExportDeclaration(node){this.visitExportDeclaration(
node)}ExportAllDeclaration(node){this.visitExportDeclaration(node)}ExportDefaultDeclaration(node){this.visitExportDeclaration(
node)}ExportNamedDeclaration(node){this.visitExportDeclaration(node)}ExportSpecifier(node){const local=node.id||node.local;
this.visit(local)}MetaProperty(){}JSXIdentifier(node){if(this.scopeManager.__isJSXEnabled()&&node.name!=="this"){this.currentScope().
__referencing(node)}}JSXMemberExpression(node){this.visit(node.object)}JSXElement(node){if(this.scopeManager.__isJSXEnabled()){
this.visit(node.openingElement);node.children.forEach(this.visit,this)}else{this.visitChildren(node)}}JSXOpeningElement(node){
if(this.scopeManager.__isJSXEnabled()){const nameNode=node.name;const isComponentName=nameNode.type==="JSXIdentifier"&&nameNode.
name[0].toUpperCase()===nameNode.name[0];const isComponent=isComponentName||nameNode.type==="JSXMemberExpression";if(isComponent){
this.visit(nameNode)}}node.attributes.forEach(this.visit,this)}JSXAttribute(node){if(node.value){this.visit(node.value)}}JSXExpressionContainer(node){
this.visit(node.expression)}JSXNamespacedName(node){this.visit(node.namespace);this.visit(node.name)}};var referencer_default=Referencer;function defaultOptions2(){return{optimistic:false,nodejsScope:false,impliedStrict:false,sourceType:"script",ecmaVersion:5,
childVisitorKeys:null,fallback:"iteration"}}function updateDeeply(target,override){function isHashObject(value){return typeof value===
"object"&&value instanceof Object&&!(value instanceof Array)&&!(value instanceof RegExp)}for(const key in override){if(Object.
hasOwn(override,key)){const val=override[key];if(isHashObject(val)){if(isHashObject(target[key])){updateDeeply(target[key],
val)}else{target[key]=updateDeeply({},val)}}else{target[key]=val}}}return target}function analyze(tree,providedOptions){
const options=updateDeeply(defaultOptions2(),providedOptions);const scopeManager=new scope_manager_default(options);const referencer=new referencer_default(
options,scopeManager);referencer.visit(tree);assert(scopeManager.__currentScope===null,"currentScope should be null.");return scopeManager}var ECMA_VERSION=2026;var OPTIONS={ecmaVersion:ECMA_VERSION,locations:true,ranges:true,allowReturnOutsideFunction:true};
var NOT_ANALYZED={kind:"not-analyzed",name:"",line:1,column:1};var METHODS=["process_incoming_request","prepare_outgoing\
_request","process_outgoing_response"];var SANDBOX=["Store","console","s","fetch","global","ivm","Script"];var REMOVED=new Set(
["HTTP","require","_","moment"]);var NOT_ON_SERVERS=/^(Temporal|Float16Array|SuppressedError|DisposableStack|AsyncDisposableStack|__timer_manager|(set|clear)Timeout)$/;
var BUILTINS=new Set(Object.getOwnPropertyNames(globalThis).filter(name=>!NOT_ON_SERVERS.test(name)));var CALLS_WITHOUT_THIS=new Set(
["sort","toSorted","reduce","reduceRight","replace","replaceAll","then","catch","finally"]);var CALLS_WITH_OPTIONAL_THIS=new Set(
[...["forEach","map","filter","some","every","find","findIndex","findLast","findLastIndex","flatMap"]]);function analyze2(source){
try{return problemsOf(source).sort((a,b)=>a.line-b.line||a.column-b.column)}catch(error){if(error instanceof RangeError)
return[NOT_ANALYZED];throw error}}function problemsOf(source){const comments=[];let program;try{program=parse3(source,{...OPTIONS,
onComment:comments})}catch(error){if(!(error instanceof SyntaxError))throw error;return[NOT_ANALYZED]}for(const statement of program.
body)delete statement.directive;const scopes=analyze(program,{ecmaVersion:ECMA_VERSION,sourceType:"script",fallback:"ite\
ration"});const script={source,program,comments,scopes,...indexNodes(program)};return[...problemsWithTheEnd(script),...problemsWithReturn(
script),...problemsWithTheClass(script),...problemsWithNames(script),...problemsWithThis(script),...problemsWithCallee(script)]}
function place({line,column}){return{line,column:column+1}}function problem(kind,name,node){return{kind,name,...place(node.
loc.start)}}function indexNodes(program){const nodes=[];const parents=new Map([[program,null]]);const pending=[program];
while(pending.length){const node=pending.pop();nodes.push(node);for(const child of childrenOf(node).reverse()){parents.set(
child,node);pending.push(child)}}return{nodes,parents}}function childrenOf(node){return Object.values(node).flat().filter(
value=>typeof value?.type==="string"&&typeof value.start==="number")}function*problemsWithReturn({nodes,parents}){for(const node of nodes){
if(node.type!=="ReturnStatement")continue;let outer=parents.get(node);while(outer&&!outer.type.includes("Function"))outer=
parents.get(outer);if(!outer)yield problem("syntax-error","Illegal return statement",node)}}function*problemsWithTheClass(script){
const{program,scopes,source}=script;const declared=scopes.globalScope.set;if(declared.has("Store")){yield problem("redec\
lared-global","Store",declared.get("Store").identifiers[0])}if(!declared.has("Script")&&!namesFromCode(script).has("Scri\
pt")){yield{kind:"no-class",name:"Script",line:1,column:1};return}const definition=program.body.find(node=>node.type==="\
ClassDeclaration"&&node.id.name==="Script");if(definition&&!METHODS.some(name=>source.includes(name))){yield problem("no\
-method","Script",definition)}}function*problemsWithTheEnd({program,comments,source}){const comment=comments.at(-1);if(comment?.
type==="Line"&&comment.end===source.length)yield problem("missing-line-break","",comment);const last=program.body.at(-1);
if(last&&continues(source.slice(last.start)))yield problem("missing-semicolon","",last)}function continues(statement){if(/^(class|function)\b/.
test(statement))return false;return parse3(`${statement}

(function () {})();`,OPTIONS).body.length===1}function*problemsWithNames(script){if(canMakeAnyName(script))return;const defined=new Set(
[...BUILTINS,...SANDBOX,...namesFromCode(script)]);const unresolved=script.scopes.globalScope.through.filter(({identifier})=>!defined.
has(identifier.name));const assignments=unresolved.filter(reference=>reference.isWrite());yield*firstInEachFunction("und\
eclared-assignment",assignments);const assigned=new Set(assignments.map(({identifier})=>identifier.name));const guarded=new Set(
script.nodes.filter(isTypeofName).map(node=>node.argument.name));const reads=unresolved.filter(reference=>reference.isRead()&&
![assigned,guarded].some(names=>names.has(reference.identifier.name)));yield*firstInEachFunction("removed-global",reads.
filter(({identifier})=>REMOVED.has(identifier.name)));yield*firstInEachFunction("unknown-name",reads.filter(({identifier})=>!REMOVED.
has(identifier.name)))}function*firstInEachFunction(kind,references){const seen=new Map;for(const{identifier,from}of references){
const names=seen.get(from.variableScope)??new Set;seen.set(from.variableScope,names);if(!names.has(identifier.name))yield problem(
kind,identifier.name,identifier);names.add(identifier.name)}}function isTypeofName(node){return node.type==="UnaryExpres\
sion"&&node.operator==="typeof"&&node.argument.type==="Identifier"}function namesFromCode(script){const{nodes,parents,scopes}=script;
const assigned=scopes.globalScope.through.filter(reference=>reference.isWriteOnly()&&!reference.from.isStrict).map(({identifier})=>identifier.
name);const properties=nodes.filter(node=>isGlobalObject(node,script)&&memberName(parents.get(node),node)!==null).map(node=>memberName(
parents.get(node),node));return new Set([...assigned,...properties])}function canMakeAnyName(script){const{nodes,parents}=script;
return nodes.some(node=>{const parent=parents.get(node);if(node.type==="WithStatement")return true;if(node.type==="Ident\
ifier"&&node.name==="eval")return true;if(node.type==="Identifier"&&node.name==="Function"&&parent.callee===node)return true;
return isGlobalObject(node,script)&&memberName(parent,node)===null&&!isTypeofName(parent)})}function isGlobalObject(node,{
parents,scopes}){if(node.type==="ThisExpression")return thisIsGlobal(node,parents,scopes);if(node.type!=="Identifier"||![
"global","globalThis"].includes(node.name))return false;const parent=parents.get(node);const isLabel=!parent.computed&&(parent.
property===node||parent.key===node&&!parent.shorthand);return!isLabel}function thisIsGlobal(node,parents,scopes){for(let outer=parents.
get(node);outer;outer=parents.get(outer)){if(outer.type==="ClassBody")return false;if(isPlainFunction(outer))return!scopes.
acquire(outer,true).isStrict}return true}function memberName(parent,object){if(parent.type!=="MemberExpression"||parent.
object!==object)return null;if(!parent.computed)return parent.property.name;return typeof parent.property.value==="strin\
g"?parent.property.value:null}function*problemsWithThis(script){const{nodes,parents,scopes}=script;for(const node of nodes){
if(!isPlainFunction(node)||!scopes.acquire(node,true).isStrict||!isCalledWithoutThis(node,script))continue;const uses=ownUsesOfThis(
node);if(uses.some(use=>isTested(use,parents.get(use))))continue;const failing=uses.find(use=>failsIfUndefined(use,parents.
get(use)));if(failing)yield problem("this-in-function",node.id?.name??"",failing)}}function isPlainFunction(node){return node.
type==="FunctionExpression"||node.type==="FunctionDeclaration"}function ownUsesOfThis(node){const uses=[];const pending=[
...node.params,node.body].reverse();while(pending.length){const inner=pending.pop();if(inner.type==="ThisExpression")uses.
push(inner);if(!isPlainFunction(inner)&&inner.type!=="ClassBody")pending.push(...childrenOf(inner).reverse())}return uses}
function isTested(use,parent){return["UnaryExpression","LogicalExpression","BinaryExpression"].includes(parent.type)||["\
IfStatement","ConditionalExpression"].includes(parent.type)&&parent.test===use||parent.type==="MemberExpression"&&parent.
optional}function failsIfUndefined(use,parent){if(parent.type==="VariableDeclarator")return parent.id.type==="ObjectPatt\
ern";return parent.type==="MemberExpression"&&parent.object===use}function isCalledWithoutThis(node,script){const{parents,
scopes}=script;const parent=parents.get(node);if(node.type==="FunctionDeclaration")return isPlainlyCalled(scopes.getDeclaredVariables(
node)[0],script);if(isPlainCall(node,parent))return true;const isValueOfVariable=parent.type==="VariableDeclarator"&&parent.
id.type==="Identifier";return isValueOfVariable&&isPlainlyCalled(scopes.getDeclaredVariables(parent)[0],script)}function isPlainlyCalled(variable,{
parents}){const uses=variable.references.filter(reference=>!reference.init).map(({identifier})=>identifier);return uses.
some(use=>isPlainCall(use,parents.get(use)))}function isPlainCall(node,parent){if(parent.type==="NewExpression")return parent.
callee.name==="Promise"&&parent.arguments[0]===node;if(parent.type!=="CallExpression")return false;if(parent.callee===node)
return true;const{callee}=parent;if(callee.type!=="MemberExpression"||callee.computed)return false;if(CALLS_WITH_OPTIONAL_THIS.
has(callee.property.name))return parent.arguments.length===1;return CALLS_WITHOUT_THIS.has(callee.property.name)}function*problemsWithCallee({
nodes,parents,scopes}){for(const node of nodes){if(node.type!=="MemberExpression"||node.object.name!=="arguments"||memberName(
node,node.object)!=="callee")continue;let outer=parents.get(node);while(outer&&!isPlainFunction(outer))outer=parents.get(
outer);if(outer&&scopes.acquire(outer,true).isStrict)yield problem("arguments-callee","arguments.callee",node)}}return __toCommonJS(analysis_exports);})();
