import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { kubectl, onPath } from '../peers/index.ts'
import { BASIC_AUTH } from './basic-auth.ts'
import { eventually, Instance } from './instance.ts'

/** The command lines of seed 000, letter for letter; the page gives their order and what they print. */
const WITHOUT = 'curl -s -o /dev/null -w "%{http_code}" "http://$INGRESS_HOST:$INGRESS_PORT/productpage"'
const WITH =
  'curl -s -o /dev/null -w "%{http_code}" -H "Authorization: Basic YWRtaW4zOmFkbWluMw==" "http://$INGRESS_HOST:$INGRESS_PORT/productpage"'
const APPLY = `kubectl apply -f - <<EOF\n${BASIC_AUTH}EOF`
const DELETE = 'kubectl delete trafficextension -n istio-system basic-auth'

for (const version of ['1.33', '1.35'] as const) {
  const peer = await kubectl(version)
  test(`seed 000 word for word with kubectl ${version}`, { skip: peer.skip || onPath('curl').skip }, async (t) => {
    await using instance = await Instance.start()
    const bin = join(instance.home, 'bin')
    mkdirSync(bin)
    symlinkSync(peer.path, join(bin, 'kubectl'))
    instance.env['PATH'] = `${bin}:${instance.env['PATH']}`
    const run = async (command: string) => {
      const result = await instance.shell(command)
      assert.equal(result.code, 0, `${command}\n${result.stderr}`)
      return result.stdout
    }
    const settled = (command: string, want: string) =>
      eventually(`${command} -> ${want}`, async () => ((await run(command)) === want ? want : undefined))

    assert.equal(await run(WITHOUT), '200', 'open before')
    assert.match(await run(APPLY), /^trafficextension\.extensions\.istio\.io\/basic-auth created\n$/)
    await settled(WITHOUT, '401')
    assert.equal(await run(WITH), '200')
    const page = await run(`curl -s -u admin3:admin3 "http://$INGRESS_HOST:$INGRESS_PORT/productpage"`)
    assert.match(page, /<title>Simple Bookstore App<\/title>/)
    assert.match(
      await run(`curl -s -i "http://$INGRESS_HOST:$INGRESS_PORT/productpage"`),
      /www-authenticate: Basic realm=/i,
    )

    await t.test('get, describe, label, annotate, edit, wait', async () => {
      const te = 'trafficextension basic-auth -n istio-system'
      assert.match(await run('kubectl get trafficextension -n istio-system'), /^NAME +AGE\nbasic-auth +\d+s\n$/)
      assert.match(await run('kubectl get trafficextension -n istio-system -o wide'), /READY.*\n.*True.*[0-9a-f]{12}/)
      assert.match(await run(`kubectl get ${te} -o yaml`), /type: Programmed/)
      assert.match(await run(`kubectl describe ${te}`), /Type: +Programmed/)
      assert.match(await run(`kubectl wait --for=condition=Programmed ${te} --timeout=5s`), /condition met/)
      assert.match(await run(`kubectl label ${te} team=edge`), /labeled/)
      assert.match(await run('kubectl get trafficextension -A -l team=edge -o name'), /basic-auth/)
      assert.match(await run(`kubectl annotate ${te} note=hello`), /annotated/)
      const edited = await run(`EDITOR='sed -i s/AUTHN/AUTHZ/' kubectl edit ${te}`)
      assert.match(edited, /edited/)
      assert.match(await run(`kubectl get ${te} -o jsonpath={.spec.phase}`), /^AUTHZ$/)
    })
    assert.equal(await run(WITHOUT), '401', 'still enforced after the edit')

    // kubectl 1.34 and newer add the namespace.
    assert.match(
      await run(DELETE),
      /^trafficextension\.extensions\.istio\.io "basic-auth" deleted( from istio-system namespace)?\n$/,
    )
    await settled(WITHOUT, '200')
  })
}
