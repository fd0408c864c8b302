import { KubeApiError, KubeClient, loadKubeConfig } from '../../kube/index.ts'
import type { Command } from '../command.ts'
import { UsageError } from '../command.ts'
import { discover, displayName, kindOf } from '../kinds.ts'
import { readManifests } from '../manifests.ts'
import { parseTargets, TARGET_HELP, TARGET_OPTIONS } from '../targets.ts'

export const command: Command = {
  summary: 'delete resources by name, or those of a file',
  usage: 'TYPE NAME … | TYPE/NAME … | -f FILE [-n NAMESPACE]',
  options: {
    namespace: TARGET_OPTIONS.namespace,
    filename: { type: 'string', short: 'f', multiple: true },
    'ignore-not-found': { type: 'boolean' },
  },
  optionHelp: {
    namespace: TARGET_HELP.namespace,
    filename: 'a file, a folder, or - for standard input; may be given more than once',
    'ignore-not-found': 'what is not there is no error',
  },
  async run({ values, positionals }) {
    const manifests = values['filename'] === undefined ? undefined : readManifests(values['filename'])
    if (manifests !== undefined && positionals.length > 0) throw new UsageError('say either files or names')
    const client = new KubeClient(loadKubeConfig())
    const kinds = await discover(client)
    const namespace: string = values['namespace'] ?? client.config.namespace
    const targets =
      manifests === undefined
        ? parseTargets(kinds, positionals).flatMap(({ kind, names }) => {
            if (names.length === 0)
              throw new UsageError('say which objects; to delete all of a type is kubectl delete --all')
            return names.map((name) => ({ kind, name, namespace }))
          })
        : manifests.map(({ object, where }) => {
            const kind = kindOf(kinds, object.apiVersion, object.kind)
            if (kind === undefined)
              throw new UsageError(`${where}: the server does not serve ${object.apiVersion} ${object.kind}`)
            return { kind, name: object.metadata.name, namespace: object.metadata.namespace ?? namespace }
          })
    let code = 0
    for (const { kind, name, namespace: at } of targets) {
      try {
        await client.delete(kind, { name, namespace: kind.namespaced ? at : undefined })
        console.log(`${displayName(kind, name).replace('/', ' "')}" deleted`)
      } catch (error) {
        if (!(error instanceof KubeApiError)) throw error
        if (error.notFound && values['ignore-not-found']) continue
        console.error(`Error from server (${error.status.reason}): ${error.message}`)
        code = 1
      }
    }
    client.close()
    return code
  },
}
