const GREEN = '\u001b[32m';
const RED = '\u001b[31m';
const DIM = '\u001b[2m';
const PLAIN = '\u001b[0m';

/** What the demo prints, and what it has checked. */
export class Report {
  private readonly passed: string[] = [];
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
    if (holds) this.passed.push(what);
    else this.failures.push(what);
    if (holds) this.ok(what);
    else this.failed(seen === '' ? what : `${what}: ${seen}`);
  }

  fault(text: string): void {
    this.failures.push(text);
    this.failed(text);
  }

  /** Says by name what was verified and what failed. Whether all was as it should be. */
  summary(): boolean {
    this.heading(this.failures.length === 0 ? 'All of it was verified' : 'Not all of it was as it should be');
    for (const one of this.passed) this.ok(one);
    for (const failure of this.failures) this.failed(failure);
    this.line(`${this.passed.length} verified, ${this.failures.length} failed`);
    return this.failures.length === 0;
  }

  private ok(what: string): void {
    this.line(`   ${this.paint(GREEN, 'ok')}  ${what}`);
  }

  private failed(what: string): void {
    this.line(`   ${this.paint(RED, 'FAILED')}  ${what}`);
  }

  private paint(colour: string, text: string): string {
    return this.colours ? `${colour}${text}${PLAIN}` : text;
  }
}
