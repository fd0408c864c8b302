import { SluiceError } from '../errors.ts'
import { Informer, type KubeClient, type KubeObject } from '../kube/index.ts'

const DEPLOYMENTS = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true }

/** Resolves when every Deployment has all its replicas available, or when the signal says that nobody waits any more. */
export async function awaitReady(kube: KubeClient, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const informer = new Informer(kube, DEPLOYMENTS)
  const done = Promise.withResolvers<void>()
  const look = () => {
    if (informer.values().every(isAvailable)) done.resolve()
  }
  const timer = setTimeout(() => {
    const waiting = informer.values().filter((one) => !isAvailable(one))
    const names = waiting.map((one) => `${one.metadata.namespace}/${one.metadata.name}`).join(', ')
    done.reject(new SluiceError('SL6007', `${names} after ${Math.round(timeoutMs / 1000)} s`))
  }, timeoutMs)
  const giveUp = () => {
    informer.stop()
    done.resolve()
  }
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    // Only now: in the midst of the first list some Deployments are not known yet.
    await informer.start()
    informer.onChange(look)
    look()
    await done.promise
  } finally {
    clearTimeout(timer)
    informer.stop()
  }
}

function isAvailable(deployment: KubeObject): boolean {
  const wanted = deployment['spec'].replicas ?? 1
  const { availableReplicas = 0, observedGeneration } = deployment['status'] ?? {}
  return availableReplicas >= wanted && observedGeneration === deployment.metadata.generation
}
