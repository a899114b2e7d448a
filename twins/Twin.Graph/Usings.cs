global using Twin.Model;
