import assert from 'node:assert/strict'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { dir, get, kube, logs, pod, pods, remove, sh, state, until } from './testing.ts'
import { isReady, PODS } from './types.ts'

describe('a Pod', () => {
  for (const [name, script, restartPolicy, phase, restarts] of [
    ['done', 'exit 0', 'Never', 'Succeeded', 0],
    ['failed', 'exit 4', 'Never', 'Failed', 0],
    ['retried', 'test -e $FLAG && exit 0; touch $FLAG; exit 1', 'OnFailure', 'Succeeded', 1],
  ] as const) {
    test(`with restartPolicy ${restartPolicy} ends as ${phase}`, async () => {
      const env = [{ name: 'FLAG', value: join(dir, name) }]
      await pod(name, { ...sh(script), env }, { restartPolicy })
      const ended = await until('ended', async () => {
        const now = await get(name)
        return now?.status?.phase === phase && now
      })
      assert.equal(state(ended)?.restartCount, restarts)
      await remove(PODS, name)
      await until('gone', async () => (await get(name)) === undefined)
    })
  }

  test('runs its init containers first, one after the other', async () => {
    const file = join(dir, 'init')
    const init = (name: string) => ({ name, ...sh(`echo ${name} >> ${file}`) })
    await pod('inits', sh(`cat ${file}; exec sleep 1000`), { initContainers: [init('first'), init('second')] })
    await until('ready', async () => {
      const now = await get('inits')
      return now !== undefined && isReady(now)
    })
    await until('its log', async () => (await logs('inits')) === 'first\nsecond\n')
    const statuses = (await get('inits'))?.status?.initContainerStatuses ?? []
    assert.deepEqual(
      statuses.map((each) => 'terminated' in each.state && each.state.terminated.reason),
      ['Completed', 'Completed'],
    )
    await remove(PODS, 'inits')
  })

  test('is gone at once when it is deleted by force', async () => {
    await pod('forced', sh('trap "" TERM; sleep 1000'))
    await until('running', async () => {
      const now = await get('forced')
      return now !== undefined && isReady(now)
    })
    await kube.delete(PODS, { name: 'forced', namespace: 'default' }, { gracePeriodSeconds: 0 })
    assert.equal(await get('forced'), undefined)
  })

  test('can be looked into: exec with input, output, errors and exit code', async () => {
    await pod('box', { ...sh('exec sleep 1000'), env: [{ name: 'WORD', value: 'hello' }] })
    await until('running', async () => {
      const now = await get('box')
      return now !== undefined && isReady(now)
    })
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const exec = (command: string[], more: object = {}) =>
      pods.runtime.exec('default', 'box', {
        container: '',
        command,
        tty: false,
        stdin: undefined,
        stdout,
        stderr,
        onResize: () => {},
        signal: new AbortController().signal,
        ...more,
      })
    const [out, err] = [text(stdout), text(stderr)]
    assert.equal(
      await exec(['sh', '-c', 'echo $WORD $HOSTNAME; cat; echo oops >&2; exit 5'], { stdin: Readable.from(['in\n']) }),
      5,
    )
    stdout.end()
    stderr.end()
    assert.deepEqual([await out, await err], ['hello box\nin\n', 'oops\n'])
    await assert.rejects(exec(['/no/such/program']), /ENOENT/)
    const gone = new AbortController()
    setTimeout(() => gone.abort(), 100)
    assert.equal(await exec(['sleep', '1000'], { stdout: undefined, stderr: undefined, signal: gone.signal }), 137)
    const terminal = new PassThrough()
    const screen = text(terminal)
    assert.equal(
      await exec(['sh', '-c', 'test -t 1 && echo "a terminal"'], { tty: true, stdout: terminal, stderr: undefined }),
      0,
    )
    terminal.end()
    assert.match(await screen, /a terminal/)
    await remove(PODS, 'box')
  })
})
