/**
 * Peers that a continuous integration machine may lack, each with the reason. A test that is skipped for anything else fails
 * the run there (CI=true): a suite that quietly shrinks shows nothing.
 */
export const ALLOWED_SKIPS: Readonly<Record<string, string>> = {
  'shared-modules': 'modules of other makers stand beside the checkout and are not ours to publish',
}
