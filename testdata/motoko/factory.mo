// Creates canisters from an actor class and calls them.
import Prim "mo:⛔";
import Worker "worker";

persistent actor {
  transient var workers : [Worker.Worker] = [];

  public func hire(id : Nat) : async Nat {
    let w = await (with cycles = 3_000_000_000_000) Worker.Worker(id);
    workers := Prim.Array_tabulate<Worker.Worker>(workers.size() + 1, func i { if (i < workers.size()) workers[i] else w });
    Prim.debugPrint("hired " # debug_show (Prim.principalOfActor w));
    await w.work(1);
  };

  // All at once; the sum of the answers.
  public func all(steps : Nat) : async Nat {
    let answers = Prim.Array_init<?(async Nat)>(workers.size(), null);
    var i = 0;
    while (i < workers.size()) { answers[i] := ?(workers[i].work(steps)); i += 1 };
    var sum = 0;
    for (a in answers.vals()) {
      switch a { case (?a) { sum += await a }; case null {} };
    };
    sum;
  };

  public func trouble(i : Nat) : async Text {
    try { await workers[i].fail(); "no trouble" } catch e { Prim.errorMessage e };
  };

  public func ask(i : Nat) : async Bool {
    (await workers[i].whoami()) == Prim.principalOfActor(workers[i]);
  };
};
