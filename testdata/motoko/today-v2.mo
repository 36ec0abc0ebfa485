// The successor of today.mo: a migration makes a number of the names.
(with migration = func(old : { var names : [Text]; var calls : Nat }) : { var count : Int } {
  { var count : Int = old.names.size() }
})
persistent actor {
  var count : Int = 0;

  public query func state() : async Int { count };
}
