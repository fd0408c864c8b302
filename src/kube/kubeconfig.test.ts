import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { loadKubeConfig, parseKubeConfig } from './kubeconfig.ts'

const file = {
  'current-context': 'here',
  contexts: [{ name: 'here', context: { cluster: 'local', user: 'admin', namespace: 'team' } }],
  clusters: [{ name: 'local', cluster: { server: 'https://127.0.0.1:6443/', 'certificate-authority-data': 'Q0E=' } }],
  users: [{ name: 'admin', user: { token: 'secret' } }],
}

test('reads server, authority, token and namespace of the current context', () => {
  const config = parseKubeConfig(stringify(file))
  assert.equal(config.server, 'https://127.0.0.1:6443')
  assert.equal(config.caPem, 'CA')
  assert.equal(config.token, 'secret')
  assert.equal(config.namespace, 'team')
})

test('the namespace is default when the context names none', () => {
  const contexts = [{ name: 'here', context: { cluster: 'local', user: 'admin' } }]
  assert.equal(parseKubeConfig(stringify({ ...file, contexts })).namespace, 'default')
})

test('a context, cluster or user that is not there is told by name', () => {
  assert.throws(() => parseKubeConfig(stringify({ ...file, 'current-context': 'away' })), /context «away»/)
  assert.throws(() => parseKubeConfig(stringify({ ...file, clusters: [] })), /cluster «local»/)
  assert.throws(() => parseKubeConfig(stringify({ ...file, users: [] })), /user «admin»/)
})

test('a file that is not there is told with its path and a hint', () => {
  assert.throws(() => loadKubeConfig('/does/not/exist'), { code: 'SL6003', where: '/does/not/exist' })
})
