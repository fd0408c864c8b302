/** Defaults of pod specs (core/v1 SetDefaults_PodSpec and friends), shared by Pods and by templates in Deployments. */
import type { JsonObject } from '../json.ts'

export function defaultPodSpec(spec: JsonObject): void {
  spec['restartPolicy'] ??= 'Always'
  spec['terminationGracePeriodSeconds'] ??= 30
  spec['dnsPolicy'] ??= 'ClusterFirst'
  spec['securityContext'] ??= {}
  spec['schedulerName'] ??= 'default-scheduler'
  // Both names are kept equal for old clients.
  if (spec['serviceAccountName'] !== undefined) spec['serviceAccount'] ??= spec['serviceAccountName']
  else if (spec['serviceAccount'] !== undefined) spec['serviceAccountName'] = spec['serviceAccount']
  for (const container of containers(spec)) defaultContainer(container)
  for (const volume of (spec['volumes'] as JsonObject[] | undefined) ?? []) {
    for (const source of ['configMap', 'secret', 'projected', 'downwardAPI']) {
      const found = volume[source] as JsonObject | undefined
      if (found !== undefined) found['defaultMode'] ??= 420
    }
    if (Object.keys(volume).length === 1) volume['emptyDir'] = {}
  }
}

function containers(spec: JsonObject): JsonObject[] {
  return [
    ...((spec['containers'] as JsonObject[] | undefined) ?? []),
    ...((spec['initContainers'] as JsonObject[] | undefined) ?? []),
  ]
}

function defaultContainer(container: JsonObject): void {
  const image = String(container['image'] ?? '')
  container['imagePullPolicy'] ??= isLatest(image) ? 'Always' : 'IfNotPresent'
  container['terminationMessagePath'] ??= '/dev/termination-log'
  container['terminationMessagePolicy'] ??= 'File'
  container['resources'] ??= {}
  for (const port of (container['ports'] as JsonObject[] | undefined) ?? []) port['protocol'] ??= 'TCP'
  for (const env of (container['env'] as JsonObject[] | undefined) ?? []) {
    const ref = (env['valueFrom'] as JsonObject | undefined)?.['fieldRef'] as JsonObject | undefined
    if (ref !== undefined) ref['apiVersion'] ??= 'v1'
  }
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const found = container[probe] as JsonObject | undefined
    if (found !== undefined) defaultProbe(found)
  }
}

function defaultProbe(probe: JsonObject): void {
  probe['timeoutSeconds'] ??= 1
  probe['periodSeconds'] ??= 10
  probe['successThreshold'] ??= 1
  probe['failureThreshold'] ??= 3
  const http = probe['httpGet'] as JsonObject | undefined
  if (http !== undefined) {
    http['path'] ??= '/'
    http['scheme'] ??= 'HTTP'
  }
}

/** No tag and no digest means :latest. */
function isLatest(image: string): boolean {
  if (image.includes('@')) return false
  const tag = /:([^/:]+)$/.exec(image)
  return tag === null || tag[1] === 'latest'
}
