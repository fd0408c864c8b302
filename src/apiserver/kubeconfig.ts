import { stringify } from 'yaml'

/** A kubeconfig with everything embedded: one file that works from anywhere on this machine. */
export function kubeconfig(url: string, caPem: string, token: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'sluice', cluster: { server: url, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } },
    ],
    users: [{ name: 'sluice-admin', user: { token } }],
    contexts: [{ name: 'sluice', context: { cluster: 'sluice', user: 'sluice-admin', namespace: 'default' } }],
    'current-context': 'sluice',
  })
}
