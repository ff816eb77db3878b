"""The report's style sheet: one set of roles, two palettes, chosen by the reader's system."""

STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2028;--quiet:#667080;--line:#e1e5eb;--track:#e9edf2;
--accent:#3b6fd4;--good:#25864f;--bad:#c2463f;
--c0:#3b6fd4;--c1:#d9822b;--c2:#2e9d6b;--c3:#a05bc4;--c4:#7d8794;--c5:#c2463f;--c6:#4fb3bf;--c7:#b8a12f}
@media(prefers-color-scheme:dark){:root{--page:#14171c;--card:#1d2128;--ink:#e7eaef;--quiet:#98a2b1;--line:#2d333d;
--track:#2a303a;--accent:#7aa5f5;--good:#5cc88c;--bad:#ef847c;
--c0:#7aa5f5;--c1:#efa45c;--c2:#63c99a;--c3:#c48be3;--c4:#9aa5b4;--c5:#ef847c;--c6:#73cdd8;--c7:#d8c25c}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1020px;margin:0 auto;padding:36px 20px 60px}
h1{font-size:27px;margin:0 0 2px;letter-spacing:-.01em}
h2{font-size:18px;margin:0 0 4px}
h3{font-size:14px;margin:18px 0 6px;color:var(--quiet);font-weight:600}
p.lead,p.note{color:var(--quiet);margin:0 0 14px}
p.note{font-size:13px}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px;margin-top:18px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px;margin-top:18px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px}
.tile b{display:block;font-size:28px;line-height:1.2;letter-spacing:-.02em}
.tile span{color:var(--quiet);font-size:13px}
.tile.main b{color:var(--accent)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:7px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--quiet);font-weight:600;font-size:13px}
th:first-child,td:first-child{text-align:left;padding-left:0}
td.text,th.text{text-align:left;white-space:normal;overflow-wrap:anywhere}
tr.total td{font-weight:650;border-bottom:0}
svg{display:block;width:100%;height:auto;font-size:12px;margin:4px 0}
svg text{fill:var(--ink)}
svg .label{text-anchor:end}
svg .tick{fill:var(--quiet);text-anchor:middle;font-size:11px}
svg .tick.end{text-anchor:end}
svg .value{fill:var(--quiet)}
svg .strong{fill:var(--ink);font-weight:650}
svg .track{fill:var(--track)}
svg .bar{fill:var(--accent)}
svg .grid{stroke:var(--line);fill:none}
svg .whisker{stroke:var(--ink);stroke-opacity:.55;fill:none}
svg .curve{fill:none;stroke-width:2}
.c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.c4{stroke:var(--c4)}
.p0{fill:var(--c0);background:var(--c0)}.p1{fill:var(--c1);background:var(--c1)}.p2{fill:var(--c2);background:var(--c2)}
.p3{fill:var(--c3);background:var(--c3)}.p4{fill:var(--c4);background:var(--c4)}.p5{fill:var(--c5);background:var(--c5)}
.p6{fill:var(--c6);background:var(--c6)}.p7{fill:var(--c7);background:var(--c7)}
.keys{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;margin:6px 0 12px}
.key i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
.videos{display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));gap:16px;align-items:start}
figure{margin:0;border:1px solid var(--line);border-radius:10px;overflow:hidden;background:var(--page)}
figure img{display:block;width:100%}
figcaption{padding:9px 12px 11px;font-size:13px}
figcaption .task{display:flex;justify-content:space-between;gap:0 10px;flex-wrap:wrap}
figcaption details{margin-top:4px}
figcaption ol{margin:4px 0 0;padding-left:20px;color:var(--quiet)}
.good{color:var(--good)}.bad{color:var(--bad)}
details{margin-top:10px}
summary{cursor:pointer;color:var(--quiet)}
pre{overflow-x:auto;background:var(--page);border:1px solid var(--line);border-radius:8px;padding:12px;font-size:12px}
code{font-size:12.5px}
"""
