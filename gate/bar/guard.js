// Keeps scripts from writing cookies that the statement does not have, or that
// were not chosen. NAMES is a list of those that may be written.
{
let a=NAMES,ok=n=>a.includes(String(n).trim()),p=Document.prototype,c=Object.getOwnPropertyDescriptor(p,"cookie");
Object.defineProperty(p,"cookie",{get(){return c.get.call(this)},set(v){if(ok(String(v).split(/[=;]/)[0]))c.set.call(this,v)}});
if(self.CookieStore){
let q=CookieStore.prototype,s=q.set;
Object.defineProperty(q,"set",{value(n,v){return ok(n&&n.name||n)?s.apply(this,arguments):Promise.resolve()}});
}
}
