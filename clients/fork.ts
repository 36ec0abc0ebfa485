// For users of `@dfinity/pic` on `drun serve`: a second instance in the state of the first one.
//
//   const base = await PocketIc.create(url);          // once: canisters, modules, data
//   const pic = await forkPocketIc(url, base);        // per test; `pic.tearDown()` at its end
//
// `forkInstance(url, number)` tells where the endpoints of the second one are.

import type { PocketIc } from '@dfinity/pic';

export interface Fork {
  instanceId: number;
  /** Where the instance's endpoints are. */
  url: string;
  /** Deletes the instance. */
  delete(): Promise<void>;
}

/** Clones the instance of this number on the server at `serverUrl`. */
export async function forkInstance(serverUrl: string, instanceId: number): Promise<Fork> {
  const answer = await fetch(`${serverUrl}/instances/${instanceId}/fork`, { method: 'POST' });
  const body = await answer.json();
  if (!body.Created) throw new Error(body.message ?? body.Error?.message ?? `status ${answer.status}`);
  const url = `${serverUrl}/instances/${body.Created.instance_id}`;
  return {
    instanceId: body.Created.instance_id,
    url,
    delete: async () => void (await fetch(url, { method: 'DELETE' })),
  };
}

/** Clones the instance behind `base`; `tearDown()` deletes the clone. What it takes from `base` is private in the package (0.23). */
export async function forkPocketIc(serverUrl: string, base: PocketIc): Promise<PocketIc> {
  const pic = base as any;
  const { instanceId: id } = await forkInstance(serverUrl, pic.client.instanceId);
  return new pic.constructor(new pic.client.constructor(pic.client.serverClient, `/instances/${id}`, id));
}
