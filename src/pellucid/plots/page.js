// Attention, walked through head by head. D: what the page knows; P: the weights, packed.
(async()=>{
const bytes=Uint8Array.from(atob(P),c=>c.charCodeAt(0));
const a=new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'))).arrayBuffer());
const $=id=>document.getElementById(id),step=255/D.levels;let at=0,chosen=[0,0],line=null;
for(const l of D.layers){l.at=at;at+=l.heads*l.q*l.keys}
const level=(l,h,i,j)=>{const L=D.layers[l];return a[L.at+(h*L.q+i)*L.keys+j]},
weight=v=>D.limit*(v/D.levels)**2,short=w=>w>=.001?w.toFixed(3):w?'<0.001':'0',
word=(l,side,k)=>{const w=D.words[2*l+side]||[];return w[k]??String(k)};
function paint(c,l,h,zoom){const L=D.layers[l];c.width=L.keys*zoom;c.height=L.q*zoom;const x=c.getContext('2d'),d=x.createImageData(c.width,c.height);
for(let i=0;i<c.height;i++)for(let j=0;j<c.width;j++){const s=D.scale[Math.round(step*level(l,h,i/zoom|0,j/zoom|0))],o=(i*c.width+j)*4;d.data.set([...s,255],o)}x.putImageData(d,0,0)}
const bar=$('bar').getContext('2d');D.scale.forEach((s,k)=>{bar.fillStyle=`rgb(${s})`;bar.fillRect(k,0,1,12)});
const table=document.createElement('table'),most=Math.max(...D.layers.map(l=>l.heads)),top=table.insertRow();
top.append(document.createElement('th'));for(let h=0;h<most;h++){const t=document.createElement('th');t.textContent=h;t.style.textAlign='center';top.append(t)}
D.layers.forEach((L,l)=>{const r=table.insertRow(),t=document.createElement('th');t.textContent=L.name;r.append(t);
for(let h=0;h<L.heads;h++){const c=document.createElement('canvas');paint(c,l,h,1);c.tabIndex=0;c.setAttribute('role','option');
c.setAttribute('aria-label',`${L.name}, ${D.text.head} ${h}`);c.title=`${L.name}, ${D.text.head} ${h}`;
const pick=()=>{chosen=[l,h];line=null;draw()};c.onclick=pick;c.onkeydown=e=>{if(e.key=='Enter'||e.key==' '){e.preventDefault();pick()}};c.dataset.n=`${l},${h}`;r.insertCell().append(c)}});
$('grid').append(table);
const E=(to,tag,p,text)=>{const e=document.createElementNS('http://www.w3.org/2000/svg',tag);for(const k in p)e.setAttribute(k,p[k]);if(text!=null)e.textContent=text;to.append(e);return e};
function draw(){const [l,h]=chosen,L=D.layers[l];
for(const c of $('grid').querySelectorAll('canvas'))c.setAttribute('aria-selected',c.dataset.n==`${l},${h}`);
$('which').textContent=`${L.name} · ${D.text.head} ${h}`;
const n=Math.max(L.q,L.keys),cell=Math.max(5,Math.min(22,Math.floor(620/n))),every=Math.ceil(13/cell),
wide=k=>Math.max(...[...Array(k?L.keys:L.q).keys()].map(i=>[...word(l,k,i)].reduce((s,c)=>s+(c>'\u2e80'?12:7),0)),20)+8,left=wide(0),up=wide(1),
svg=document.createElementNS('http://www.w3.org/2000/svg','svg');svg.setAttribute('width',left+L.keys*cell+4);svg.setAttribute('height',up+L.q*cell+4);
svg.setAttribute('font-size',12);const c=document.createElement('canvas');paint(c,l,h,1);
E(svg,'image',{href:c.toDataURL(),x:left,y:up,width:L.keys*cell,height:L.q*cell,preserveAspectRatio:'none',style:'image-rendering:pixelated'});
for(let i=0;i<L.q;i+=every)E(svg,'text',{x:left-5,y:up+i*cell+cell/2+4,'text-anchor':'end'},word(l,0,i));
for(let j=0;j<L.keys;j+=every)E(svg,'text',{transform:`translate(${left+j*cell+cell/2+4},${up-5}) rotate(-90)`},word(l,1,j));
const mark=E(svg,'rect',{fill:'none',stroke:'#d4600a','stroke-width':1.5,x:left,width:L.keys*cell,height:cell,visibility:'hidden'}),
tell=i=>{if(i<0||i>=L.q)return;mark.setAttribute('visibility','visible');mark.setAttribute('y',up+i*cell);
const best=[...Array(L.keys).keys()].sort((p,q)=>level(l,h,i,q)-level(l,h,i,p)).slice(0,5);
$('hint').textContent=`${word(l,0,i)} → `+best.map(j=>`${word(l,1,j)} ${short(weight(level(l,h,i,j)))}`).join(' · ')};
svg.onmousemove=e=>tell(Math.floor((e.clientY-svg.getBoundingClientRect().top-up)/cell));
$('map').replaceChildren(svg);tell(0)}
draw()})()
