// The ledger's second version: blocks are counted in an Int, and it knows its version. Its owner mints, people transfer, and interest is paid once a day.
import Prim "mo:⛔";

persistent actor class Ledger(init : { owner : Principal }) {
  type Entry = { owner : Principal; amount : Nat };
  type Result = { #ok : { block : Nat }; #err : Text };

  let owner : Principal = init.owner;
  var entries : [Entry] = [];
  var blocks : Int = 0;

  func entry(owner : Principal, amount : Nat) : Entry { { owner; amount } };

  func balanceOf(who : Principal) : Nat {
    for (entry in entries.vals()) { if (entry.owner == who) return entry.amount };
    0;
  };

  func set(who : Principal, amount : Nat) {
    var found = false;
    let changed = Prim.Array_tabulate<Entry>(entries.size(), func i {
      if (entries[i].owner == who) { found := true; entry(who, amount) } else entries[i];
    });
    entries := if (found) changed else Prim.Array_tabulate<Entry>(entries.size() + 1, func i {
      if (i < entries.size()) entries[i] else entry(who, amount);
    });
  };

  func block() : { block : Nat } { blocks += 1; { block = Prim.abs blocks } };

  public shared ({ caller }) func mint(to : Principal, amount : Nat) : async Result {
    if (caller != owner) throw Prim.error("only the owner mints");
    set(to, balanceOf(to) + amount);
    #ok(block());
  };

  public shared ({ caller }) func transfer(order : { to : Principal; amount : Nat }) : async Result {
    if (balanceOf(caller) < order.amount) return #err("insufficient funds");
    set(caller, balanceOf(caller) - order.amount : Nat);
    set(order.to, balanceOf(order.to) + order.amount);
    #ok(block());
  };

  public query func balance(who : Principal) : async Nat { balanceOf(who) };

  public query func version() : async Nat { 2 };

  func pay() : async () {
    entries := Prim.Array_tabulate<Entry>(entries.size(), func i {
      entry(entries[i].owner, entries[i].amount + entries[i].amount / 100);
    });
    Prim.debugPrint("interest paid");
  };

  ignore Prim.setTimer<system>(86_400_000_000_000, true, pay);
};
