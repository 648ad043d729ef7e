# SPDX-License-Identifier: Apache-2.0
"""How the page looks, by day and by night; nothing is fetched from anywhere."""

from __future__ import annotations

__all__ = ['STYLE']

STYLE = """
:root { color-scheme: light dark;
  --ground: #ffffff; --box: #f4f5f7; --ink: #20242b; --muted: #5c6470; --rule: #d9dce1;
  --accent: #1668b8; --second: #7a8694; --warn: #c2410c; --share: #d5e3f1;
  --right: 22 120 190; --wrong: 214 80 20; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #14171b; --box: #1e2228; --ink: #e7eaee; --muted: #9aa3af; --rule: #343a43;
  --accent: #5aa9ef; --second: #8d98a5; --warn: #fb8b4b; --share: #24405c;
  --right: 40 130 205; --wrong: 225 95 35; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 32px 28px 64px; max-width: 1240px; background: var(--ground);
  color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans",
  sans-serif; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; }
h2 { font-size: 20px; margin: 44px 0 8px; padding-top: 14px; border-top: 1px solid var(--rule); }
h3 { font-size: 15px; margin: 18px 0 4px; }
p { margin: 6px 0 12px; max-width: 78ch; }
p.lead, small, figcaption { color: var(--muted); }
figcaption b { color: var(--ink); }
small { font-size: 13px; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 8px 0; }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--rule);
  white-space: nowrap; }
th { font-weight: 600; font-size: 13px; }
th:first-child, td:first-child { text-align: left; }
td { font-size: 14px; }
.text td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.text th { text-align: left; }
.swatch { display: inline-block; width: 13px; height: 13px; margin: 0 8px -1px 0;
  border: 1px solid rgb(128 128 128 / .5); }
.confusion .swatch { margin: 0 0 -1px 6px; }
.cards { display: grid; gap: 10px; margin: 22px 0 12px;
  grid-template-columns: repeat(auto-fill, minmax(min(168px, 45%), 1fr)); }
.card { background: var(--box); border-radius: 8px; padding: 12px 14px; }
.card b { display: block; font-size: 24px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card span { font-weight: 600; }
.meter { width: 150px; min-width: 110px; padding-left: 0; }
.meter span { display: block; height: 11px; background: var(--accent); border-radius: 2px; }
.confusion td { min-width: 44px; text-align: right; padding: 5px 7px; font-size: 13px;
  border: 1px solid var(--rule); }
.confusion th { border: 0; text-align: right; }
.confusion thead th:first-child { vertical-align: bottom; color: var(--muted); font-weight: 400; }
.confusion .none { background: var(--box); }
.turned { vertical-align: bottom; padding: 4px 7px; }
.turned span { writing-mode: vertical-rl; transform: rotate(180deg); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 18px; }
svg { width: 100%; height: auto; font: 12px system-ui, "DejaVu Sans", sans-serif; }
svg .grid { stroke: var(--rule); }
svg .tick { fill: var(--muted); }
svg .label { fill: var(--ink); font-size: 13px; }
svg .note { fill: var(--muted); }
svg polyline { fill: none; stroke-width: 2; }
svg .accent { stroke: var(--accent); }
svg .second { stroke: var(--second); stroke-dasharray: 6 4; }
svg .warn { stroke: var(--warn); }
svg .ideal { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 3 4; }
svg .mark { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 2 3; }
svg .accent-dot { fill: var(--accent); }
svg .share { fill: var(--share); }
.maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 14px; }
.maps img { width: 100%; display: block; background: repeating-conic-gradient(var(--box) 0 25%,
  var(--ground) 0 50%) 0 0 / 16px 16px; }
.key img { height: 12px; width: 160px; vertical-align: -1px; margin: 0 6px; }
.tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 8px; }
.tiles img { width: 100%; display: block; }
figure { margin: 18px 0; }
@media (max-width: 720px) { .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
.wide img { width: 100%; }
svg .s0 { stroke: var(--accent); } svg .s1 { stroke: #2a9d8f; } svg .s2 { stroke: #8a63d2; }
svg .s3 { stroke: #d08b00; } svg .s4 { stroke: #c8443c; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; margin: 8px 0; }
"""
