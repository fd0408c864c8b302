import { KubeApiError, KubeClient, loadKubeConfig } from '../../kube/index.ts'
import { type Command, UsageError } from '../command.ts'
import { discover, displayName, kindOf } from '../kinds.ts'
import { readManifests } from '../manifests.ts'

export const command: Command = {
  summary: 'make resources what a file says (server-side apply)',
  usage: '-f FILE [-f FILE …] [-n NAMESPACE] [--force-conflicts] [--dry-run]',
  positionals: false,
  options: {
    filename: { type: 'string', short: 'f', multiple: true },
    namespace: { type: 'string', short: 'n' },
    'force-conflicts': { type: 'boolean' },
    'dry-run': { type: 'boolean' },
  },
  optionHelp: {
    filename: 'a file, a folder, or - for standard input; may be given more than once',
    namespace: 'the namespace of objects that name none',
    'force-conflicts': 'take fields over that another manager (kubectl, say) has set',
    'dry-run': 'let the server check everything and store nothing',
  },
  async run({ values }) {
    if (values['filename'] === undefined) throw new UsageError('say which file with -f')
    const manifests = readManifests(values['filename'])
    const client = new KubeClient(loadKubeConfig())
    let kinds = await discover(client)
    let code = 0
    for (const { object, where } of manifests) {
      try {
        let kind = kindOf(kinds, object.apiVersion, object.kind)
        if (kind === undefined) {
          // A CustomResourceDefinition earlier in the same file may have added it.
          kinds = await discover(client)
          kind = kindOf(kinds, object.apiVersion, object.kind)
        }
        if (kind === undefined) throw new UsageError(`the server does not serve ${object.apiVersion} ${object.kind}`)
        const namespace = kind.namespaced
          ? (object.metadata.namespace ?? values['namespace'] ?? client.config.namespace)
          : undefined
        const target = { name: object.metadata.name, namespace }
        const before = await client.get(kind, target.name, namespace).catch(absent)
        const after = await client.patch(
          kind,
          target,
          'apply',
          { ...object, metadata: { ...object.metadata, namespace } },
          {
            fieldManager: 'sluice',
            force: values['force-conflicts'] === true,
            ...(values['dry-run'] ? { dryRun: 'All' } : {}),
          },
        )
        const result =
          before === undefined
            ? 'created'
            : before.metadata.resourceVersion === after.metadata.resourceVersion
              ? 'unchanged'
              : 'configured'
        console.log(`${displayName(kind, target.name)} ${result}${values['dry-run'] ? ' (server dry run)' : ''}`)
      } catch (error) {
        if (!(error instanceof KubeApiError) && !(error instanceof UsageError)) throw error
        console.error(`${where}: ${error.message}`)
        if (error instanceof KubeApiError && error.status.code === 409)
          console.error('  hint: --force-conflicts takes the fields over')
        code = 1
      }
    }
    client.close()
    return code
  },
}

function absent(error: unknown): undefined {
  if (error instanceof KubeApiError && error.notFound) return undefined
  throw error
}
