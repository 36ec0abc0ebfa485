// Stable variables, a version that does not fit: `count` has become a text.
persistent actor {
  var count : Text = "";
  var names : [Text] = [];

  public query func list() : async [Text] { names };

  public query func get() : async Text { count };
};
