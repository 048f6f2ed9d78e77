"""The page of the report: HTML and CSS in one piece, nothing loaded from elsewhere.

A Python string and not a file beside the code, so that editing it changes the fingerprint of build_report.
"""

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>prehep report: {{ name }}</title>
<style>
:root { color-scheme: light dark; --text: #1c1d21; --soft: #5b5e68; --line: #dcdee4; --page: #ffffff; --card: #f6f7f9;
  --accent: #2f62c8; --good: #1d7a46; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e7e8ec; --soft: #a5a8b3; --line: #3a3d46; --page: #17181c; --card: #202228;
    --accent: #8fb2ff; --good: #6fcf97; --bad: #ff8f87; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 2.2rem 1.4rem 5rem; background: var(--page); color: var(--text);
  font: 16px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.35rem; margin: 2.8rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.08rem; margin: 1.9rem 0 .5rem; }
p, ul { margin: .5rem 0 .9rem; }
a { color: var(--accent); }
nav a { margin-right: 1.1rem; white-space: nowrap; }
.soft { color: var(--soft); font-size: .92rem; }
.verdict { background: var(--card); border-left: 4px solid var(--accent); padding: .7rem 1.1rem; border-radius: 4px; }
.verdict h3 { margin-top: .6rem; }
.scroll { overflow-x: auto; margin: .6rem 0 1.2rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; border-bottom-width: 2px; }
th.text, td.text { text-align: left; }
tr.reference td { color: var(--soft); font-style: italic; }
td.number { white-space: nowrap; }
td.better { color: var(--good); } td.worse { color: var(--bad); }
figure { margin: 1.2rem 0 2.4rem; }
figure img { display: block; max-width: 100%; height: auto; background: #fff; padding: .6rem; border-radius: 6px;
  border: 1px solid var(--line); }
figcaption { margin-top: .6rem; max-width: 62rem; font-size: .94rem; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .86em; }
pre { background: var(--card); padding: 1rem; overflow-x: auto; border-radius: 4px; line-height: 1.4; }
summary { cursor: pointer; color: var(--accent); }
</style>
</head>
<body>
{% macro cells(table) %}
<div class="scroll"><table>
{% if table.caption %}<caption>{{ table.caption }}</caption>{% endif %}
<thead><tr>{% for head in table.heads %}<th{% if loop.index0 in table.text %} class="text"{% endif %}>{{ head }}</th>
{% endfor %}</tr></thead>
<tbody>
{% for row in table.rows %}<tr{% if row.reference %} class="reference"{% endif %}>
{% for value in row.values %}<td class="{{ 'text' if loop.index0 in table.text else 'number' }}
{{- ' ' ~ value if value in ('better', 'worse') }}">{{ value }}</td>
{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endmacro %}
<header>
<h1>prehep report: {{ name }}</h1>
<p class="soft">Configuration <code>{{ name }}</code>, digest <code>{{ digest }}</code>. {{ overview }}</p>
<nav>{% for section in sections %}<a href="#{{ section.anchor }}">{{ section.title }}</a>{% endfor %}
<a href="#data">Data</a><a href="#provenance">Provenance</a></nav>
</header>

<h2 id="verdict">In plain words</h2>
<div class="verdict">
{% for section in sections %}{% if section.verdict %}
<h3>{{ section.title }}</h3>
<ul>{% for sentence in section.verdict %}<li>{{ sentence }}</li>{% endfor %}</ul>
<p class="soft">{{ section.rule }}</p>
{% endif %}{% endfor %}
</div>

{% for section in sections %}
<h2 id="{{ section.anchor }}">{{ section.title }}</h2>
<p>{{ section.introduction }}</p>
{% for table in section.tables %}<h3>{{ table.title }}</h3>{{ cells(table) }}{% endfor %}
{% for figure in section.figures %}
<figure id="figure-{{ figure.name }}">
<h3>{{ figure.title }}{% if figure.paper %} <span class="soft">(follows {{ figure.paper }})</span>{% endif %}</h3>
<img alt="{{ figure.title }}" src="data:image/png;base64,{{ figure.image }}">
<figcaption>{{ figure.caption }}
<span class="soft">Points: <a href="{{ figure.folder }}/{{ figure.name }}.csv">CSV</a>,
print: <a href="{{ figure.folder }}/{{ figure.name }}.pdf">PDF</a>.</span></figcaption>
</figure>
{% endfor %}
{% if section.files %}<p class="soft">Tables behind this section:
{% for file in section.files %}<a href="{{ file.link }}">{{ file.name }}</a>{{ ", " if not loop.last }}{% endfor %}</p>
{% endif %}
{% endfor %}

<h2 id="data">Data: what was measured and what was simulated</h2>
<ul>{% for sentence in sources %}<li>{{ sentence }}</li>{% endfor %}</ul>
{% for table in data_tables %}<h3>{{ table.title }}</h3>{{ cells(table) }}{% endfor %}

<h2 id="provenance">Provenance</h2>
<p>Each folder of results holds a <code>manifest.json</code> with the hashes of its files, of its inputs and of the code
that made it, and a <code>run_info.json</code> with time, host and versions.</p>
{% for table in provenance %}<h3>{{ table.title }}</h3>{{ cells(table) }}{% endfor %}
<details><summary>Configuration, complete</summary><pre>{{ configuration }}</pre></details>
</body>
</html>
"""
