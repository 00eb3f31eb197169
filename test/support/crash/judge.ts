import type { Campaign } from './campaign.js';

/** The whole matrix of crash points is to be tried, not a sample. */
export const FULL = (process.env.LONGSHORE_TEST_FULL ?? '') !== '';
export const POINTS = FULL ? Number.POSITIVE_INFINITY : 1;
export const TIMEOUT_MS = FULL ? 7_200_000 : 300_000;

/** Says what campaigns have tried and expects that nothing was wrong. */
export class Judge {
  private readonly totals = { recorded: 0, tried: 0, notReached: 0 };

  constructor(private readonly victim: string) {}

  judge(name: string, { recorded, tried, notReached, missed, failures }: Campaign): void {
    this.totals.recorded += recorded;
    this.totals.tried += tried;
    this.totals.notReached += notReached.length;
    const which = notReached.length === 0 ? '' : `, not come to: ${notReached.join('; ')}`;
    this.say(`${name}: ${tried} of ${recorded} crash points tried${which}`);
    expect(failures.join('\n')).toBe('');
    // Where most points of the whole matrix are missed, too little was tried; a small sample says nothing about the share.
    expect(tried - notReached.length).toBeGreaterThan(FULL ? missed : 0);
  }

  sum(): void {
    const { recorded, tried, notReached } = this.totals;
    this.say(`crash points: ${tried} of ${recorded} tried, ${notReached} of them not come to`);
  }

  private say(line: string): void {
    process.stderr.write(`[longshore] ${this.victim}: ${line}\n`);
  }
}
