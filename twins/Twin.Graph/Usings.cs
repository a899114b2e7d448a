global using Twin.Model;
global using Twin.Model.Query;
