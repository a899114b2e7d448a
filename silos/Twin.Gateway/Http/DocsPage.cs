namespace Twin.Gateway.Http;

/// <summary>A page to read and try the API, without anything from another server.</summary>
internal static class DocsPage
{
    public const string Html = """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Twin API</title><style>
        :root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem 1.5rem}
        h1{font-size:1.4rem}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}details{border-top:1px solid #8886;padding:.35rem 0}summary{cursor:pointer;display:flex;gap:.8rem}
        .m{font:600 12px/1.9 ui-monospace,monospace;width:4rem}.p{font-family:ui-monospace,monospace}.s{opacity:.75;margin-left:auto}
        label{display:block;margin:.5rem 0 .1rem}input,textarea{font:13px ui-monospace,monospace;width:100%;box-sizing:border-box;padding:.35rem}textarea{min-height:5rem}
        button{margin:.6rem 0;padding:.35rem 1rem}pre{background:#8881;padding:.6rem;overflow:auto;max-height:30rem}</style></head><body>
        <h1>Twin API</h1><p>Every route of <a href="/openapi/v1.json">/openapi/v1.json</a>. Open one, fill it in, send it to this server.</p>
        <label for="key">API key or token (only where authentication is configured)</label><input id="key" type="password" autocomplete="off"><main id="list">Loading…</main>
        <script>
        const el=(t,a={},...c)=>{const e=Object.assign(document.createElement(t),a);e.append(...c);return e};
        fetch('/openapi/v1.json').then(r=>r.json()).then(d=>{const tags={};for(const[p,ops]of Object.entries(d.paths))for(const[m,o]of Object.entries(ops))(tags[o.tags?.[0]??'Other']??=[]).push([p,m,o]);
        const list=document.getElementById('list');list.replaceChildren();for(const[t,ops]of Object.entries(tags)){list.append(el('h2',{textContent:t}));for(const[p,m,o]of ops)list.append(route(p,m,o))}})
        .catch(e=>document.getElementById('list').textContent='The description could not be read: '+e);
        function route(path,method,op){const names=[...path.matchAll(/\{([^}]+)\}/g)].map(m=>m[1]);const form=el('div');const fields={};
        for(const n of names){const i=el('input',{id:method+path+n});fields[n]=i;form.append(el('label',{textContent:n,htmlFor:i.id}),i)}
        const query=el('input',{placeholder:'name=value&…',id:method+path+'?'});form.append(el('label',{textContent:'query string',htmlFor:query.id}),query);
        const types=Object.keys(op.requestBody?.content??{});const body=el('textarea',{id:method+path+'#'});if(method!=='get'&&method!=='delete')form.append(el('label',{textContent:'body '+(types[0]??'application/json'),htmlFor:body.id}),body);
        const out=el('pre',{hidden:true});const send=el('button',{textContent:'Send'});send.onclick=async()=>{let url=path;for(const n of names)url=url.replace('{'+n+'}',encodeURIComponent(fields[n].value));if(query.value)url+='?'+query.value;
        const headers={};const key=document.getElementById('key').value;if(key)headers.Authorization='Bearer '+key;if(body.value)headers['Content-Type']=types[0]??'application/json';out.hidden=false;out.textContent='…';
        try{const r=await fetch(url,{method:method.toUpperCase(),headers,body:body.value||undefined});let text=await r.text();try{text=JSON.stringify(JSON.parse(text),null,2)}catch{}out.textContent=r.status+' '+r.statusText+'\n'+[...r.headers].map(h=>h.join(': ')).join('\n')+'\n\n'+text.slice(0,200000)}catch(e){out.textContent=String(e)}};
        form.append(send,out);return el('details',{},el('summary',{},el('span',{className:'m',textContent:method.toUpperCase()}),el('span',{className:'p',textContent:path}),el('span',{className:'s',textContent:op.summary??''})),form)}
        </script></body></html>
        """;
}
