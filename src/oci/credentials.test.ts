import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { defaultKeychain, fromDockerConfigJson } from './credentials.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-credentials-'))
after(() => rmSync(dir, { recursive: true }))

const base64 = (text: string) => Buffer.from(text).toString('base64')
const entry = (user: string) => ({ auth: base64(`${user}:pw`) })
const user = (username: string) => ({ username, password: 'pw' })

describe('dockerconfigjson', () => {
  const cases: [string, object, string, object | undefined][] = [
    ['by host', { 'ghcr.io': entry('a') }, 'ghcr.io/x/y', user('a')],
    ['by host and port', { 'h:5000': entry('a') }, 'h:5000/x', user('a')],
    ['another port is another registry', { 'h:5000': entry('a') }, 'h:5001/x', undefined],
    ['Docker Hub’s key', { 'https://index.docker.io/v1/': entry('a') }, 'index.docker.io/library/x', user('a')],
    ['Docker Hub’s other name', { 'docker.io': entry('a') }, 'index.docker.io/library/x', user('a')],
    ['with scheme and version', { 'https://h.io/v2/': entry('a') }, 'h.io/x', user('a')],
    ['the longest path wins (Kubernetes)', { 'h.io': entry('a'), 'h.io/x': entry('b') }, 'h.io/x/y', user('b')],
    ['a path covers whole components only', { 'h.io/x': entry('a') }, 'h.io/xy', undefined],
    ['a glob (Kubernetes)', { '*.h.io': entry('a') }, 'eu.h.io/x', user('a')],
    ['a glob spans no dot', { '*.io': entry('a') }, 'eu.h.io/x', undefined],
    ['user and password in clear', { 'h.io': { username: 'a', password: 'pw' } }, 'h.io/x', user('a')],
    ['a colon in the password', { 'h.io': { auth: base64('a:p:w') } }, 'h.io/x', { username: 'a', password: 'p:w' }],
    ['a refresh token', { 'h.io': { identitytoken: 't' } }, 'h.io/x', { identityToken: 't' }],
    ['a bearer token', { 'h.io': { registrytoken: 't' } }, 'h.io/x', { registryToken: 't' }],
    ['none for this registry means anonymous', { 'h.io': entry('a') }, 'other.io/x', undefined],
  ]
  for (const [name, auths, repository, expected] of cases) {
    it(name, async () => assert.deepEqual(await fromDockerConfigJson(JSON.stringify({ auths }))(repository), expected))
  }

  for (const text of ['null', '[]', '7', 'hidden: no json', '{"auths":7}', '{"auths":null}']) {
    it(`refuses ${text.slice(0, 12)} without quoting it`, () => {
      assert.throws(
        () => fromDockerConfigJson(text),
        (error: Error & { code?: string }) => {
          return error.code === 'SL3020' && !error.message.includes('hidden')
        },
      )
    })
  }

  it('refuses an auth that is no user:password', async () => {
    const source = fromDockerConfigJson(JSON.stringify({ auths: { 'h.io': { auth: base64('nothing') } } }))
    await assert.rejects(source('h.io/x'), { code: 'SL3020' })
  })
})

describe('the default keychain', () => {
  const bin = join(dir, 'bin')
  mkdirSync(bin)
  const helper = (name: string, script: string) => {
    writeFileSync(join(bin, `docker-credential-${name}`), `#!/bin/sh\nread server\n${script}\n`)
    chmodSync(join(bin, `docker-credential-${name}`), 0o755)
  }
  helper('good', `echo "{\\"Username\\":\\"$server\\",\\"Secret\\":\\"pw\\"}"`)
  helper('token', `echo '{"Username":"<token>","Secret":"t"}'`)
  helper('empty', `echo 'credentials not found in native keychain'; exit 1`)
  helper('broken', 'echo oops; exit 1')

  const keychain = (config: object | undefined) => {
    const home = mkdtempSync(join(dir, 'home-'))
    if (config !== undefined) writeFileSync(join(home, 'config.json'), JSON.stringify(config))
    return defaultKeychain({ DOCKER_CONFIG: home, PATH: `${bin}:${process.env['PATH']}` })
  }

  it('has nothing without a file', async () => assert.equal(await keychain(undefined)('h.io/x'), undefined))
  it('reads auths', async () =>
    assert.deepEqual(await keychain({ auths: { 'h.io': entry('a') } })('h.io/x'), user('a')))
  it('asks the helper of a registry', async () => {
    assert.deepEqual(await keychain({ credHelpers: { 'h.io': 'good' } })('h.io/x'), user('h.io'))
    assert.deepEqual(await keychain({ credHelpers: { 'h.io': 'token' } })('h.io/x'), { identityToken: 't' })
  })
  it('asks the store, with Docker Hub’s own key', async () => {
    assert.deepEqual(
      await keychain({ credsStore: 'good' })('index.docker.io/library/x'),
      user('https://index.docker.io/v1/'),
    )
  })
  it('goes on to auths when the helper has nothing', async () => {
    assert.deepEqual(await keychain({ credsStore: 'empty', auths: { 'h.io': entry('a') } })('h.io/x'), user('a'))
  })
  it('says so when a helper fails', async () => {
    await assert.rejects(keychain({ credsStore: 'broken' })('h.io/x'), { code: 'SL3020' })
    await assert.rejects(keychain({ credsStore: '../evil' })('h.io/x'), { code: 'SL3020' })
  })
})
