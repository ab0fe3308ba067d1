// A seeded source of numbers: anew in each run, or by POPMAIL_SEED; the seed is told.

export class Random {
  constructor(seed = BigInt(process.env.POPMAIL_SEED ?? Date.now())) {
    this.seed = seed;
    this.state = seed;
  }

  /** Below `bound` (SplitMix64). */
  below(bound) {
    this.state = BigInt.asUintN(64, this.state + 0x9e3779b97f4a7c15n);
    let mixed = this.state;
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
    return Number((mixed ^ (mixed >> 31n)) % BigInt(bound));
  }
}
