// Holds the committed dashboards against the types of @grafana/schema with the TypeScript compiler: the whole
// dashboard, and each panel's options, field settings and overrides against its own panel's types. Of every major
// version that the dashboards are for, the oldest where there is a choice: what all of them have is what may be used.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dashboards = join(here, '..', '..', 'config', 'grafana', 'dashboards');
const work = join(here, 'node_modules', '.check');
const types = {
  barchart: 'BarChart',
  heatmap: 'Heatmap',
  stat: 'Stat',
  'state-timeline': 'StateTimeline',
  table: 'Table',
  text: 'Text',
  timeseries: 'TimeSeries',
};
// Versions by the name of their package, and what each does not know: columns are hidden in two ways for that.
const versions = {
  '@grafana/schema': new Set(['custom.hidden']),
  'grafana-schema-12': new Set(['custom.hidden']),
  'grafana-schema-11': new Set(['custom.hideFrom', 'custom.wrapText']),
};
// What a panel knows though its types leave it out: the timeline's switch "Connect null values".
const untyped = { 'state-timeline': new Set(['spanNulls']) };
const typed = (kind, custom) => Object.fromEntries(Object.entries(custom).filter(([key]) => !untyped[kind]?.has(key)));
const deep = (kind) => {
  const folder = kind.replace('-', '');
  return `dist/esm/raw/composable/${folder}/panelcfg/x/${types[kind]}PanelCfg_types.gen`;
};

const name = (text) => text.replaceAll(/\W/g, '_');
const head = [
  "import type { Dashboard, FieldConfig } from '@grafana/schema';",
  ...Object.keys(types).map((kind) => `import type * as ${kind.replace('-', '')} from '@grafana/schema/${deep(kind)}';`),
  // JSON has the text of an enum's member, and leaves out what has a default.
  'type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]?: Json<T[K]> } : T;',
].join('\n');

function nested(path, value) {
  return path.split('.').reduceRight((inner, key) => ({ [key]: inner }), value);
}

// An annotation's query is typed without what is the data source's own; the panels' queries are of the same make.
function withoutSql(dashboard) {
  const list = dashboard.annotations.list.map((annotation) => {
    if (!annotation.target) return annotation;
    const { refId, datasource } = annotation.target;
    return { ...annotation, target: { refId, datasource } };
  });
  return { ...dashboard, annotations: { ...dashboard.annotations, list } };
}

function* checks(version, file, dashboard) {
  yield `export const ${file} = ${JSON.stringify(withoutSql(dashboard))} satisfies Json<Dashboard>;`;
  for (const panel of dashboard.panels.flatMap((part) => (part.type === 'row' ? part.panels : [part]))) {
    if (!(panel.type in types)) throw new Error(`${file}: panel type ${panel.type} is not checked; add it to ${here}/check.mjs`);
    const kind = panel.type.replace('-', '');
    const label = `${file}_${panel.id}_${name(panel.title)}`;
    yield `export const ${label}_options = ${JSON.stringify(panel.options)} satisfies Json<${kind}.Options>;`;
    const custom = panel.fieldConfig.defaults.custom;
    if (custom) yield `export const ${label}_custom = ${JSON.stringify(typed(panel.type, custom))} satisfies Json<${kind}.FieldConfig>;`;
    for (const [index, override] of panel.fieldConfig.overrides.entries()) {
      for (const { id, value } of override.properties) {
        if (versions[version].has(id)) continue;
        const own = id.startsWith('custom.');
        const type = own ? `${kind}.FieldConfig` : 'FieldConfig';
        const object = JSON.stringify(nested(own ? id.slice('custom.'.length) : id, value));
        yield `export const ${label}_${index}_${name(id)} = ${object} satisfies Json<${type}>;`;
      }
    }
  }
}

// The types of a version import '@grafana/schema' by name as well: that must be the same version.
function paths(version) {
  const root = join(here, 'node_modules', ...version.split('/'));
  const { exports = {}, types: index } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const found = (name, otherwise) => join(root, exports[name]?.types ?? otherwise);
  const panels = Object.keys(types).map((kind) => [
    `@grafana/schema/${deep(kind)}`,
    [found(`./${deep(kind)}`, `${deep(kind)}.d.ts`)],
  ]);
  return Object.fromEntries([['@grafana/schema', [found('.', index)]], ...panels]);
}

function failures(version) {
  const folder = join(work, name(version));
  mkdirSync(folder, { recursive: true });
  const files = readdirSync(dashboards).filter((file) => file.endsWith('.json'));
  const sources = files.map((file) => {
    const dashboard = JSON.parse(readFileSync(join(dashboards, file), 'utf8'));
    const source = join(folder, file.replace('.json', '.ts'));
    const lines = [head, ...checks(version, name(file.slice(0, -5)), dashboard)];
    writeFileSync(source, `${lines.join('\n')}\n`);
    return source;
  });
  const compilerOptions = {
    module: 'esnext',
    moduleResolution: 'bundler',
    noEmit: true,
    paths: paths(version),
    skipLibCheck: true,
    strict: true,
    target: 'es2022',
    types: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: sources }));
  const compiler = join(here, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', folder], { stdio: 'inherit' });
  console.log(`${files.length} dashboards ${status === 0 ? 'pass' : 'FAIL'} the types of ${version}`);
  return status === 0 ? 0 : 1;
}

rmSync(work, { recursive: true, force: true });
process.exit(Object.keys(versions).map(failures).some(Boolean) ? 1 : 0);
