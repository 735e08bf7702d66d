// What the bar does where scripts run. Nothing in it says yes: a yes is a plain
// form, sent by somebody who pressed it. It takes no text for markup, so that it
// runs under Trusted Types, and leaves no name behind.
{
let d=document,b=d.getElementById("avow"),back,pressed,plain,m=/^#avow-(\d+)$/.exec(location.hash),
no=()=>b.querySelector("[value=no]").click();
// Back from a yes: to where it was pressed, and on to the note.
if(m)addEventListener("load",()=>{scrollTo({top:m[1],behavior:"instant"});location.hash="avow-saved"});
if(b){
b.addEventListener("focusin",e=>{if(!b.contains(e.relatedTarget))back=e.relatedTarget});
addEventListener("keydown",e=>{if(e.key=="Escape"&&b.isConnected&&!e.defaultPrevented)no()});
}
addEventListener("click",e=>{if(e.isTrusted)pressed=e.target},true);
addEventListener("submit",e=>{
let f=e.target,s=e.submitter;
if(f.name!="avow"||plain)return;
if(s&&s.value!="no"){
// A button that another script pressed says nothing.
if(s!=pressed)e.preventDefault();
f.back.value=f.back.value.split("#")[0]+"#avow-"+Math.round(scrollY);
return;
}
e.preventDefault();
b.remove();
if(back)back.focus();
fetch(f.action,{method:"POST",headers:{Accept:"application/json"},body:new URLSearchParams("choice=no")}).then(r=>{if(!r.ok)throw 0}).catch(()=>{
// The page may not fetch: the form is sent as it is, once it is through with
// being sent the other way.
plain=1;
d.body.prepend(b);
setTimeout(no);
});
});
}
