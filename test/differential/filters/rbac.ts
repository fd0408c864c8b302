/** Trees of permissions and principals over headers, paths and addresses, enforced and in the shadow. */
import type { Case, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'
import { ADDRESSES, cidr, headerMatcher, stringMatcher, TEXTS } from './matchers.ts'

const PATHS = ['/', '/a', '/a/', '/a/b', '/A', '/a?x=/b', '/a%2fb', '/a;b', '/a#b', '//a', '/a/../b', '/abc', '*', '/1']

type Tree = Record<string, unknown>

function leaf(dice: Dice): Tree {
  return dice.pick<() => Tree>([
    () => ({ any: true }),
    () => ({ header: headerMatcher(dice) }),
    () => ({ header: headerMatcher(dice) }),
    () => ({ url_path: { path: stringMatcher(dice, PATHS) } }),
    () => ({
      metadata: {
        filter: dice.pick(['envoy.filters.http.rbac', 'none']),
        path: [{ key: dice.pick(['shadow_engine_result', 'enforced_engine_result', 'shadow_effective_policy_id']) }],
        value: dice.pick<Tree>([
          { string_match: { exact: dice.pick(['allowed', 'denied', 'p0']) } },
          { present_match: true },
        ]),
        ...(dice.chance(0.3) ? { invert: true } : {}),
      },
    }),
  ])()
}

function permission(dice: Dice, depth = 0): Tree {
  if (depth < 3 && dice.chance(0.4)) {
    const rules = dice.list(1, 3, () => permission(dice, depth + 1))
    return dice.pick<Tree>([{ and_rules: { rules } }, { or_rules: { rules } }, { not_rule: rules[0] }])
  }
  return dice.pick<() => Tree>([
    () => leaf(dice),
    () => leaf(dice),
    () => leaf(dice),
    () => ({ destination_ip: cidr(dice) }),
    () => ({ destination_port: dice.pick([1, 80]) }),
    () => ({ destination_port_range: { start: 1, end: dice.pick([2, 65_536]) } }),
    () => ({ requested_server_name: stringMatcher(dice) }),
    () => ({
      uri_template: {
        name: 'envoy.path.match.uri_template.uri_template_matcher',
        typed_config: {
          '@type': '~extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
          path_template: dice.pick([
            '/a',
            '/{x}',
            '/a/*',
            '/**',
            '/a/{x=**}',
            '/{x=*}/b',
            '/{x=**}.b',
            '/**/a',
            '/{z}',
          ]),
        },
      },
    }),
  ])()
}

function principal(dice: Dice, depth = 0): Tree {
  if (depth < 3 && dice.chance(0.4)) {
    const ids = dice.list(1, 3, () => principal(dice, depth + 1))
    return dice.pick<Tree>([{ and_ids: { ids } }, { or_ids: { ids } }, { not_id: ids[0] }])
  }
  return dice.pick<() => Tree>([
    () => leaf(dice),
    () => leaf(dice),
    () => ({ authenticated: dice.pick<Tree>([{}, { principal_name: stringMatcher(dice) }]) }),
    () => ({ [dice.pick(['remote_ip', 'remote_ip', 'direct_remote_ip'])]: cidr(dice) }),
    () => ({ filter_state: { key: 'none', string_match: stringMatcher(dice) } }),
  ])()
}

function rules(dice: Dice): Tree {
  return {
    action: dice.pick(['ALLOW', 'DENY', 'LOG']),
    policies: Object.fromEntries(
      dice.list(0, 3, (i) => [
        dice.pick([`p${i}`, `P${i}`, `é${i}`, `a b${i}`, `p.${i}`]),
        {
          permissions: dice.list(1, 2, () => permission(dice)),
          principals: dice.list(1, 2, () => principal(dice)),
        },
      ]),
    ),
  }
}

function config(dice: Dice): Tree {
  const made: Tree = {
    '@type': '~extensions.filters.http.rbac.v3.RBAC',
    ...(dice.chance(0.85) ? { rules: rules(dice) } : {}),
    ...(dice.chance(0.5) ? { shadow_rules: rules(dice) } : {}),
    ...(dice.chance(0.2) ? { rules_stat_prefix: dice.pick(['r', 'r.', 'r.s']) } : {}),
    ...(dice.chance(0.2) ? { shadow_rules_stat_prefix: dice.pick(['r', 's.', 's_']) } : {}),
    ...(dice.chance(0.3) ? { track_per_rule_stats: true } : {}),
  }
  return made
}

export function rbacCase(dice: Dice): Omit<Case, 'id' | 'what'> {
  const own = `rbac${dice.int(0, 1e9)}`
  const keys = ['enforced_', 'shadow_', 'rshadow_', 's.shadow_', 'renforced_'].flatMap((prefix) => [
    `${prefix}effective_policy_id`,
    `${prefix}engine_result`,
  ])
  const shown = keys.map((key) => `%DYNAMIC_METADATA(envoy.filters.http.rbac:${key})%`)
  const perRoute = dice.chance(0.2)
    ? {
        typed_per_filter_config: {
          'envoy.filters.http.rbac': {
            '@type': '~extensions.filters.http.rbac.v3.RBACPerRoute',
            ...(dice.chance(0.7) ? { rbac: { ...config(dice), '@type': undefined } } : {}),
          },
        },
      }
    : {}
  return {
    log: `%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.common:access_log_hint)% ${shown.join(' ')}`,
    hcm: { stat_prefix: own },
    stats: { [`http.${own}.rbac.`]: {} },
    filters: [{ name: 'envoy.filters.http.rbac', typed_config: config(dice) }],
    routes: [{ match: { prefix: '/' }, route: { cluster: '$up' }, ...perRoute }],
    steps: dice.list(
      2,
      5,
      (): Step => ({
        send: {
          method: dice.pick(['GET', 'POST', 'ABC']),
          path: dice.pick(PATHS.filter((path) => path !== '*')),
          host: dice.pick(['abc', 'ABC:80', '1']),
          headers: {
            ...(dice.chance(0.8) ? { 'x-a': dice.pick(TEXTS) } : {}),
            'x-two': [dice.pick(TEXTS), dice.pick(TEXTS)],
            'x-empty': '',
            ...(dice.chance(0.6) ? { 'x-forwarded-for': dice.pick([...ADDRESSES, '1.2.3.4, 10.1.2.3', 'x']) } : {}),
          },
        },
        expect: {},
      }),
    ),
  }
}
