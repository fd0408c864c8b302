import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeaderMap } from '../../base/header-map.ts'
import { upgradeOf } from './upgrade.ts'

test('an upgrade is one only where `connection` names it', () => {
  const upgrade = (...flat: string[]) => upgradeOf(new HeaderMap([...flat, 'upgrade', 'websocket']))
  for (const connection of ['upgrade', 'Upgrade', 'keep-alive, Upgrade', 'upgrade ,close']) {
    assert.equal(upgrade('connection', connection), 'websocket', connection)
  }
  for (const connection of ['close', 'no-upgrade', 'upgrades', 'upgrade x', '']) {
    assert.equal(upgrade('connection', connection), '', connection)
  }
  assert.equal(upgrade(), '')
  assert.equal(upgradeOf(new HeaderMap(['connection', 'upgrade'])), '')
})
