import { KubeClient, loadKubeConfig, pathOf } from '../../kube/index.ts'
import type { KubeObject } from '../../kube/types.ts'
import type { Command } from '../command.ts'
import { type DiscoveredKind, discover, displayName } from '../kinds.ts'
import { printAs, table } from '../output.ts'
import { parseTargets, TARGET_HELP, TARGET_OPTIONS } from '../targets.ts'

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'

interface ColumnDefinition {
  name: string
  priority: number
}

interface ServerTable {
  columnDefinitions: ColumnDefinition[]
  rows: { cells: unknown[]; object: KubeObject }[]
}

export const command: Command = {
  summary: 'show resources, as kubectl does',
  usage: 'TYPE [NAME …] | TYPE/NAME … [-n NAMESPACE | -A] [-l LABELS] [-o wide|yaml|json|name]',
  options: { ...TARGET_OPTIONS, output: { type: 'string', short: 'o' } },
  optionHelp: { ...TARGET_HELP, output: 'wide, yaml, json or name' },
  async run({ values, positionals }) {
    const client = new KubeClient(loadKubeConfig())
    const kinds = await discover(client)
    const namespace = values['all-namespaces'] ? undefined : (values['namespace'] ?? client.config.namespace)
    for (const { kind, names } of parseTargets(kinds, positionals)) {
      const asked: (string | undefined)[] = names.length === 0 ? [undefined] : names
      const query = { labelSelector: values['selector'] as string | undefined }
      const paths = asked.map((name) => pathOf(kind, namespace, name))
      const format = values['output'] as string | undefined
      if (format === undefined || format === 'wide') {
        const tables = await Promise.all(
          paths.map((path) => client.request('GET', path, { query, accept: TABLE }) as Promise<ServerTable>),
        )
        printTables(tables, format === 'wide', namespace === undefined && kind.namespaced, kind, namespace)
        continue
      }
      const results = await Promise.all(paths.map((path) => client.request('GET', path, { query })))
      for (const result of results) {
        if (format === 'name')
          for (const item of result.items ?? [result]) console.log(displayName(kind, item.metadata.name))
        else printAs(format, result)
      }
    }
    client.close()
    return 0
  },
}

function printTables(
  tables: ServerTable[],
  wide: boolean,
  withNamespace: boolean,
  kind: DiscoveredKind,
  at?: string,
): void {
  const columns = tables[0].columnDefinitions
  const shown = columns
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => wide || column.priority === 0)
  const head = shown.map(({ column }) => column.name.toUpperCase())
  const rows = tables.flatMap((one) => one.rows)
  if (rows.length === 0) {
    const where = at === undefined || !kind.namespaced ? '' : ` in ${at} namespace`
    console.error(`No resources found${where}.`)
    return
  }
  const cells = rows.map((row) => {
    const own = shown.map(({ index }) => String(row.cells[index] ?? '<none>'))
    return withNamespace ? [row.object.metadata.namespace ?? '', ...own] : own
  })
  console.log(table([withNamespace ? ['NAMESPACE', ...head] : head, ...cells]))
}
