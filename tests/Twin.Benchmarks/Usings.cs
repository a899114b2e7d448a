global using Twin.Testing;
