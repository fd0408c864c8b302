import { KubeClient, loadKubeConfig } from '../../kube/index.ts'
import type { KubeObject } from '../../kube/types.ts'
import type { Command } from '../command.ts'
import { describeObject, type EventObject } from '../describe.ts'
import { discover } from '../kinds.ts'
import { parseTargets, TARGET_HELP, TARGET_OPTIONS } from '../targets.ts'

const EVENTS = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true }

export const command: Command = {
  summary: 'show resources with their conditions and events',
  usage: 'TYPE [NAME …] | TYPE/NAME … [-n NAMESPACE | -A] [-l LABELS]',
  options: TARGET_OPTIONS,
  optionHelp: TARGET_HELP,
  async run({ values, positionals }) {
    const client = new KubeClient(loadKubeConfig())
    const kinds = await discover(client)
    const namespace = values['all-namespaces'] ? undefined : (values['namespace'] ?? client.config.namespace)
    const parts: string[] = []
    for (const { kind, names } of parseTargets(kinds, positionals)) {
      const objects: KubeObject[] =
        names.length === 0
          ? (await client.list(kind, { namespace, labelSelector: values['selector'] })).items
          : await Promise.all(names.map((name) => client.get(kind, name, namespace)))
      for (const object of objects) {
        object.kind ??= kind.kind
        const events = await client.list<EventObject>(EVENTS, {
          namespace: object.metadata.namespace,
          fieldSelector: `involvedObject.uid=${object.metadata.uid}`,
        })
        parts.push(describeObject(object, events.items))
      }
    }
    client.close()
    if (parts.length === 0) console.error('No resources found.')
    else console.log(parts.join('\n\n\n'))
    return 0
  },
}
