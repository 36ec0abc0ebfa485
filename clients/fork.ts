// For users of `@dfinity/pic` on `drun serve`: a second instance in the state of the first one.
//
//   const base = await setUp();                       // once: canisters, modules, data
//   const fork = await forkInstance(url, base);       // per test; talk to `fork.url`

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
