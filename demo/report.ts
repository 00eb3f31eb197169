const GREEN = '\u001b[32m';
const RED = '\u001b[31m';
const DIM = '\u001b[2m';
const PLAIN = '\u001b[0m';

/** What the demo prints, and the count of what it has checked. */
export class Report {
  private passed = 0;
  private readonly failures: string[] = [];
  private readonly colours = process.stdout.isTTY;

  heading(text: string): void {
    this.line(`\n== ${text}`);
  }

  line(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** A call as a person can repeat it. */
  grpcurl(addr: string, service: string, method: string, request: object): void {
    this.line(this.paint(DIM, `$ grpcurl -plaintext -d '${JSON.stringify(request)}' ${addr} ${service}/${method}`));
  }

  check(what: string, holds: boolean, seen = ''): void {
    if (holds) this.passed += 1;
    else this.failures.push(what);
    const because = holds || seen === '' ? '' : `: ${seen}`;
    this.line(`   ${holds ? this.paint(GREEN, 'ok') : this.paint(RED, 'FAILED')}  ${what}${because}`);
  }

  fault(text: string): void {
    this.failures.push(text);
    this.line(`   ${this.paint(RED, 'FAILED')}  ${text}`);
  }

  /** Whether all was as it should be. */
  summary(): boolean {
    this.heading(this.failures.length === 0 ? 'All of it was verified' : 'Not all of it was as it should be');
    for (const failure of this.failures) this.line(`   ${this.paint(RED, 'FAILED')}  ${failure}`);
    this.line(`${this.passed} verified, ${this.failures.length} failed`);
    return this.failures.length === 0;
  }

  private paint(colour: string, text: string): string {
    return this.colours ? `${colour}${text}${PLAIN}` : text;
  }
}
