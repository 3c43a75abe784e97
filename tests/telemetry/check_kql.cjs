// Checks queries with Microsoft's own parser of Kusto: syntax, and every table, column, function and type.
//   node check_kql.cjs FOLDER_OF_THE_PARSER   < {"tables": {NAME: "(column: type, ...)"}, "queries": {NAME: TEXT}}
// Prints {NAME: [what is wrong, ...]}.
const fs = require('fs');
const vm = require('vm');
const path = require('path');

for (const file of ['bridge.min.js', 'Kusto.Language.Bridge.min.js']) {
  const name = path.join(process.argv[2], file);
  vm.runInThisContext(fs.readFileSync(name, 'utf8'), { filename: name });
}
const { GlobalState, KustoCode, Symbols } = Kusto.Language;

const asked = JSON.parse(fs.readFileSync(0, 'utf8'));
const tables = Object.entries(asked.tables).map(([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, ''));
const database = new Symbols.DatabaseSymbol.ctor('insights', tables);
const globals = GlobalState.Default.WithDatabase(database);

const found = {};
for (const [name, text] of Object.entries(asked.queries)) {
  const diagnostics = KustoCode.ParseAndAnalyze(text, globals).GetDiagnostics();
  found[name] = [];
  for (let at = 0; at < diagnostics.Count; at += 1) found[name].push(diagnostics.getItem(at).Message);
}
process.stdout.write(JSON.stringify(found));
