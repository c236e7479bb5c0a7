// The style sheet of the report: light and dark as the reader's system is set, and on paper.
#pragma once

#include <string_view>

namespace etalon {

inline constexpr std::string_view kReportStyle = R"(
:root{color-scheme:light dark;--page:#f6f7f8;--card:#fff;--ink:#1b1f24;--soft:#646c76;--line:#e1e4e8;
--kept:#2f74c0;--over:#d3492c;--zero:#aab2bc;--over-bg:#fbe9e4;--zero-bg:#f0f2f4;--warn:#fff6df;--warn-line:#e6b84a;--bar:#dfe9f5}
@media(prefers-color-scheme:dark){:root{--page:#121519;--card:#1a1e24;--ink:#e7eaee;--soft:#98a2ae;--line:#2c323a;
--kept:#66a6ee;--over:#f1785c;--zero:#5d6773;--over-bg:#3a241f;--zero-bg:#20252c;--warn:#332b17;--warn-line:#a17c22;--bar:#263445}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1280px;margin:0 auto;padding:28px 24px 64px}
header p{margin:0;color:var(--soft);letter-spacing:.04em;text-transform:uppercase;font-size:12px}
h1{margin:2px 0 20px;font-size:30px;line-height:1.2;overflow-wrap:anywhere}
h2{margin:40px 0 4px;font-size:20px}
h2+p{margin:0 0 14px;color:var(--soft);max-width:80ch}
nav{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 20px;font-size:14px}
a{color:var(--kept);text-decoration:none}a:hover{text-decoration:underline}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px}
.pair{display:grid;gap:16px;align-items:start;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr))}
.pair h3,.tensor h3{margin:0 0 8px;font-size:14px}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
tr:last-child>*{border-bottom:0}
th{font-weight:500;color:var(--soft)}thead th{font-size:12px;white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap}
.ranked{max-height:640px;overflow:auto;padding-top:0}.ranked td,.ranked th{padding-top:3px;padding-bottom:3px}
.ranked thead th{position:sticky;top:0;padding-top:14px;background:var(--card)}
.facts th{width:9em;white-space:nowrap}
.tiles{display:flex;flex-wrap:wrap;gap:16px;margin:0 0 16px}
.tiles div{flex:1 1 180px;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 18px}
.tiles b{display:block;font-size:26px;font-weight:600;line-height:1.25}
.tiles span{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.warn{margin:0 0 16px;padding:10px 18px;border:1px solid var(--warn-line);border-radius:10px;background:var(--warn)}
.warn p{margin:4px 0;overflow-wrap:anywhere}
code{font:13px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.bar{display:block;width:100%;min-width:90px;height:16px}
.bar .own{fill:var(--kept)}.bar .all{fill:var(--zero)}
.shots{display:grid;gap:16px}.shots .pair{grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr))}.shots h3{margin:0 0 8px;font-size:14px}
figure{margin:0}figcaption{margin:6px 0 0;font-size:13px;color:var(--soft)}
.shots img{display:block;width:100%;height:auto;border-radius:6px}
.tensors{display:grid;gap:16px;grid-template-columns:repeat(auto-fill,minmax(min(350px,100%),1fr))}
.tensor{min-width:0;break-inside:avoid}
.tensor svg{display:block;width:100%;height:auto}
.tensor dl{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:0 10px;margin:8px 0 0;font-variant-numeric:tabular-nums}
dl div{min-width:0}dt{font-size:11px;color:var(--soft)}dd{margin:0;font-size:14px;white-space:nowrap}
.hot{color:var(--over)}
.z{fill:var(--zero)}.k{fill:var(--kept)}.b{fill:var(--over)}.zb{fill:var(--zero-bg)}.bb{fill:var(--over-bg)}
.g{stroke:var(--soft);stroke-opacity:.25}.a{stroke:var(--soft)}
.t{font-size:10px;fill:var(--soft);paint-order:stroke;stroke:var(--card);stroke-width:2px}.m{text-anchor:middle}
path.r{stroke:var(--over);stroke-width:1.5}path.h{stroke:var(--soft);stroke-dasharray:3 2}
text.r,text.h{text-anchor:end}text.r{fill:var(--over);font-size:11px}
.key i{display:inline-block;width:11px;height:11px;border-radius:2px;margin:0 4px 0 0;vertical-align:-1px}
.key i.k{background:var(--kept)}.key i.z{background:var(--zero)}.key i.b{background:var(--over)}.key span{margin-right:14px;white-space:nowrap}
summary{cursor:pointer;margin:0 0 12px;color:var(--kept)}
@media print{:root{--page:#fff}main{padding:0;max-width:none}nav,details{display:none}.ranked{max-height:none}.tensors{grid-template-columns:1fr 1fr}
.card,.tiles div,figure,tr{break-inside:avoid}body{print-color-adjust:exact;-webkit-print-color-adjust:exact;font-size:12px}}
)";

}  // namespace etalon
