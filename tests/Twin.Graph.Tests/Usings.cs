global using Twin.Testing;
global using Twin.Model;
global using Xunit;
