global using Twin.Model;
global using Twin.Model.Query;
global using Twin.Model.Policies;
