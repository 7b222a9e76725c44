import { afterAll, afterEach, beforeAll, expect } from "@jest/globals";
import nock from "nock";

/** For a file whose requests go to hosts of the internet: none leaves the machine, and each that was expected is made. */
export function useNock(): typeof nock {
  beforeAll(() => {
    if (!nock.isActive()) nock.activate();
    nock.disableNetConnect();
  });
  afterEach(() => {
    const unused = nock.pendingMocks();
    nock.cleanAll();
    expect(unused).toEqual([]);
  });
  afterAll(() => nock.restore());
  return nock;
}
